"""The OKX V5 face: a multi-currency margin account in net mode, read-only.

Paths, parameters, fields, limits, codes and sentences follow OKX's public documentation
(www.okx.com/docs-v5); each module names its pages.
"""

from exchange_simulator.face import Face
from exchange_simulator.okx import names
from exchange_simulator.okx.answers import refusal
from exchange_simulator.okx.bills import ARCHIVED
from exchange_simulator.okx.endpoints import routes
from exchange_simulator.okx.rows import ROWS
from exchange_simulator.okx.trade import UNFILLED_KEPT
from exchange_simulator.okx.troubles import TROUBLES

FACE = Face(
    exchange="okx",
    routes=routes,
    names=names,
    refusal=refusal,
    troubles=TROUBLES,
    rows=ROWS,
    paging=frozenset({"after", "before"}),
    key_header="ok-access-key",
    kept={
        "trades": ARCHIVED,
        "orders": ARCHIVED,
        "unfilled": UNFILLED_KEPT,
        "funding": ARCHIVED,
        "ledger:trading": ARCHIVED,
    },
    passphrase=True,
    order_status=names.order_status,
    reference_id=names.reference_id,
)

__all__ = ["FACE"]
