"""The Bybit V5 face: a unified trading account (UTA 2.0), read-only.

Paths, parameters, fields, limits and sentences follow Bybit's public documentation
(bybit-exchange.github.io/docs/v5); each module names its pages.
"""

from alphapulse_pipeline.simulator.bybit import names
from alphapulse_pipeline.simulator.bybit.answers import refusal
from alphapulse_pipeline.simulator.bybit.endpoints import routes
from alphapulse_pipeline.simulator.bybit.kept import KEPT
from alphapulse_pipeline.simulator.face import Face

FACE = Face("bybit", routes, names, refusal, KEPT, unserved=frozenset({"ledger:funding"}))

__all__ = ["FACE"]
