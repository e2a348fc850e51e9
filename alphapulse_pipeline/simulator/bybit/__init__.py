"""The Bybit V5 face: a unified trading account (UTA 2.0), read-only.

Paths, parameters, fields, limits and sentences follow Bybit's public documentation
(bybit-exchange.github.io/docs/v5); each module names its pages.
"""

from alphapulse_pipeline.simulator.bybit.answers import refusal
from alphapulse_pipeline.simulator.bybit.endpoints import routes

__all__ = ["refusal", "routes"]
