"""Kraken's Spot REST API (version 0), read-only, for an account with spot, and margin if
the world trades on it.

Paths, parameters, fields, limits and errors follow Kraken's public documentation
(docs.kraken.com/api); each module names the pages it implements.
"""

from exchange_simulator.kraken import names
from exchange_simulator.kraken.answers import refusal
from exchange_simulator.kraken.endpoints import routes
from exchange_simulator.kraken.outages import OUTAGES
from exchange_simulator.kraken.rows import ROWS
from exchange_simulator.markets import DAY
from exchange_simulator.simulated_exchange import SimulatedExchange

EXCHANGE = SimulatedExchange(
    name="kraken",
    routes=routes,
    names=names,
    refusal=refusal,
    outages=OUTAGES,
    rows=ROWS,
    paging=frozenset({"ofs", "cursor"}),
    key_header="api-key",
    unserved=frozenset({"funding"}),
    # 720 entries, one of them of today
    retention={"candles": 719 * DAY},
    order_status=names.order_status,
    conversion_id=names.conversion_id,
    conversion_kind="buy",
)

__all__ = ["EXCHANGE"]
