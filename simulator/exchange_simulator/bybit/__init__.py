"""The Bybit V5 face: a unified trading account (UTA 2.0), read-only.

Paths, parameters, fields, limits and sentences follow Bybit's public documentation
(bybit-exchange.github.io/docs/v5); each module names its pages.
"""

from exchange_simulator.bybit import names
from exchange_simulator.bybit.answers import refusal
from exchange_simulator.bybit.endpoints import routes
from exchange_simulator.bybit.kept import KEPT
from exchange_simulator.bybit.rows import ROWS
from exchange_simulator.bybit.troubles import TROUBLES
from exchange_simulator.face import Face

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
