"""Dagster components: they turn a YAML file into assets, checks, jobs and schedules."""

from alphapulse_pipeline.components.exchange_account import ExchangeAccount
from alphapulse_pipeline.components.portfolio import Portfolio
from alphapulse_pipeline.components.shared_definitions import SharedDefinitions

__all__ = ["ExchangeAccount", "Portfolio", "SharedDefinitions"]
