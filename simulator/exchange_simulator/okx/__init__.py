"""OKX's V5 API, read-only, for a multi-currency margin account in net mode.

Paths, parameters, fields, limits, codes and messages follow OKX's public documentation
(www.okx.com/docs-v5); each module names the pages it implements.
"""

from exchange_simulator.okx import names
from exchange_simulator.okx.answers import refusal
from exchange_simulator.okx.bills import ARCHIVED
from exchange_simulator.okx.earn import LENDING_KEPT
from exchange_simulator.okx.endpoints import routes
from exchange_simulator.okx.outages import OUTAGES
from exchange_simulator.okx.repayments import SERVED
from exchange_simulator.okx.rows import ROWS
from exchange_simulator.okx.trade import UNFILLED_RETENTION
from exchange_simulator.simulated_exchange import SimulatedExchange

EXCHANGE = SimulatedExchange(
    name="okx",
    routes=routes,
    names=names,
    refusal=refusal,
    outages=OUTAGES,
    rows=ROWS,
    paging=frozenset({"after", "before"}),
    key_header="ok-access-key",
    retention={
        "trades": ARCHIVED,
        "orders": ARCHIVED,
        "unfilled": UNFILLED_RETENTION,
        "funding": ARCHIVED,
        "ledger:trading": ARCHIVED,
        "ledger:earn": LENDING_KEPT,
        "conversions:one-click repay": SERVED,
    },
    unserved=frozenset({"balance_after:earn", "balance_after:loan"}),
    parts=names.rows_of,
    passphrase=True,
    order_status=names.order_status,
    whole_seconds=frozenset({"conversions:"}),
    conversion_id=names.conversion_id,
    reference_id=names.reference_id,
)

__all__ = ["EXCHANGE"]
