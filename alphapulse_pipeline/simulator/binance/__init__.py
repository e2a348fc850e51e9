"""The Binance face, read-only: spot, cross margin, USD-M and COIN-M futures, and the wallets.

Paths, parameters, fields, weights and sentences follow Binance's public documentation
(developers.binance.com/docs); each module names its pages.
"""

from alphapulse_pipeline.simulator.binance import names
from alphapulse_pipeline.simulator.binance.answers import refusal
from alphapulse_pipeline.simulator.binance.endpoints import routes
from alphapulse_pipeline.simulator.binance.kept import KEPT, UNSERVED
from alphapulse_pipeline.simulator.binance.rows import ROWS
from alphapulse_pipeline.simulator.binance.troubles import TROUBLES
from alphapulse_pipeline.simulator.face import Face

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
