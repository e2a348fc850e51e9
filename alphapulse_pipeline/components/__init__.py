"""Dagster components and resources: a YAML file becomes assets, checks, jobs and schedules."""

from alphapulse_pipeline.components.exchange_account import ExchangeAccount

__all__ = ["ExchangeAccount"]
