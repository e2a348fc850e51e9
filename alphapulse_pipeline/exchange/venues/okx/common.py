"""What OKX's endpoints have in common.

Lists are newest first, at most a hundred rows per page, and continue after a row's id; only an
empty page ends the list.
"""

from datetime import timedelta
from typing import Any

from alphapulse_pipeline.exchange.documented import Documented
from alphapulse_pipeline.exchange.feed import at
from alphapulse_pipeline.exchange.walker import Cursor
from alphapulse_pipeline.exchange.walker.cursor import last_row

TRADING, FUNDING, EARN, STAKING = "trading", "funding", "earn", "staking"
LOAN = "loan"

# instType -> ccxt's flag of its markets
TYPES = {"SPOT": "spot", "MARGIN": "spot", "SWAP": "swap", "FUTURES": "future", "OPTION": "option"}

DATA = at("data")
LIMIT = 100
LAG = timedelta(minutes=5)
"""How late rows appear: the funding account's bills are updated every 30 seconds, and "potential
delays" are not quantified."""

BY_ORDER = Cursor("after", last_row("ordId"), ordered=False)
# sorted by id; the times may be slightly out of order
BY_BILL = Cursor("after", last_row("billId"), disorder=5_000)


def documented(anchor: str, dated: str, cost: str, **more: Any) -> Documented:
    """A page of www.okx.com/docs-v5, all of which is one document."""
    defaults = {"limit": LIMIT, "default_limit": LIMIT, "permission": "Read"}
    return Documented(
        page=f"www.okx.com/docs-v5/en/#{anchor}", dated=dated, cost=cost, **{**defaults, **more}
    )


def per_user(requests: int, seconds: int = 2) -> str:
    """What a request costs."""
    span = "second" if seconds == 1 else f"{seconds} seconds"
    return f"1 of {requests} per {span} and user"
