"""Bybit's V5 API, read-only, for a unified trading account (UTA 2.0).

Paths, parameters, fields, limits and messages follow Bybit's public documentation
(bybit-exchange.github.io/docs/v5); each module names the pages it implements.
"""

from exchange_simulator.bybit import names
from exchange_simulator.bybit.answers import refusal
from exchange_simulator.bybit.endpoints import routes
from exchange_simulator.bybit.outages import OUTAGES
from exchange_simulator.bybit.retention import RETENTION
from exchange_simulator.bybit.rows import ROWS
from exchange_simulator.simulated_exchange import SimulatedExchange

EXCHANGE = SimulatedExchange(
    name="bybit",
    routes=routes,
    names=names,
    refusal=refusal,
    outages=OUTAGES,
    rows=ROWS,
    paging=frozenset({"cursor", "nextCursor", "index"}),
    key_header="x-bapi-api-key",
    retention=RETENTION,
    whole_seconds=frozenset({"ledger:funding", "transfers:staked"}),
    conversion_id=names.conversion_id,
    reference_id=names.reference_id,
    parts=names.parts,
)

__all__ = ["EXCHANGE"]
