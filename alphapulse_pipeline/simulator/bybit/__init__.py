"""The Bybit V5 face: a unified trading account (UTA 2.0), read-only.

Paths, parameters, fields, limits and sentences follow Bybit's public documentation
(bybit-exchange.github.io/docs/v5); each module names its pages.
"""

from alphapulse_pipeline.simulator.bybit import names
from alphapulse_pipeline.simulator.bybit.answers import refusal
from alphapulse_pipeline.simulator.bybit.endpoints import routes
from alphapulse_pipeline.simulator.bybit.kept import KEPT
from alphapulse_pipeline.simulator.bybit.rows import ROWS
from alphapulse_pipeline.simulator.bybit.troubles import TROUBLES
from alphapulse_pipeline.simulator.face import Face

FACE = Face(
    exchange="bybit",
    routes=routes,
    names=names,
    refusal=refusal,
    troubles=TROUBLES,
    rows=ROWS,
    paging=frozenset({"cursor"}),
    key_header="x-bapi-api-key",
    kept=KEPT,
    unserved=frozenset({"ledger:funding"}),
)

__all__ = ["FACE"]
