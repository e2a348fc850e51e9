"""Binance's API, read-only: spot, margin, USD-M and COIN-M futures, options, and the wallets.

Paths, parameters, fields, weights and messages follow Binance's public documentation
(developers.binance.com/docs); each module names the pages it implements.
"""

from exchange_simulator.binance import names
from exchange_simulator.binance.answers import refusal
from exchange_simulator.binance.endpoints import routes
from exchange_simulator.binance.outages import OUTAGES
from exchange_simulator.binance.retention import RETENTION, UNSERVED, conditional_expired
from exchange_simulator.binance.rows import ROWS
from exchange_simulator.simulated_exchange import SimulatedExchange

EXCHANGE = SimulatedExchange(
    name="binance",
    routes=routes,
    names=names,
    refusal=refusal,
    outages=OUTAGES,
    rows=ROWS,
    paging=frozenset(
        {
            *("fromId", "orderId", "algoId", "startTime", "endTime", "beginTime"),
            *("startTimestamp", "endTimestamp"),
            *("page", "current", "offset", "recordId"),
        }
    ),
    key_header="x-mbx-apikey",
    retention=RETENTION,
    unserved=UNSERVED,
    whole_seconds=frozenset({"transfers:withdrawal", "transfers:isolated"}),
    client_order_id=names.client_order_id,
    conditional_id=names.conditional_id,
    conditional_expired=conditional_expired,
    exercises_are_fills=False,
    parts=names.parts,
    conversion_id=names.conversion_id,
    conversion_kind_of=names.conversion_kind,
    reference_id=names.reference_id,
)

__all__ = ["EXCHANGE"]
