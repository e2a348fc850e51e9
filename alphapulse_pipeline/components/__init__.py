"""Dagster components and resources: a YAML file becomes assets, checks, jobs and schedules."""

from alphapulse_pipeline.components.exchange_account import ExchangeAccount
from alphapulse_pipeline.components.portfolio import Portfolio

__all__ = ["ExchangeAccount", "Portfolio"]
