"""The Binance face, read-only: spot, cross margin, USD-M and COIN-M futures, and the wallets.

Paths, parameters, fields, weights and sentences follow Binance's public documentation
(developers.binance.com/docs); each module names its pages.
"""

from exchange_simulator.binance import names
from exchange_simulator.binance.answers import refusal
from exchange_simulator.binance.endpoints import routes
from exchange_simulator.binance.kept import KEPT, UNSERVED
from exchange_simulator.binance.rows import ROWS
from exchange_simulator.binance.troubles import TROUBLES
from exchange_simulator.face import Face

FACE = Face(
    exchange="binance",
    routes=routes,
    names=names,
    refusal=refusal,
    troubles=TROUBLES,
    rows=ROWS,
    paging=frozenset({"fromId", "orderId", "startTime", "endTime", "page", "current", "offset"}),
    key_header="x-mbx-apikey",
    kept=KEPT,
    unserved=UNSERVED,
    whole_seconds=frozenset({"transfers:withdrawal"}),
    client_order_id=names.client_order_id,
    parts=names.parts,
    reference_id=names.reference_id,
)

__all__ = ["FACE"]
