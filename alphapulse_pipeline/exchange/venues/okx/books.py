"""OKX's own totals of the parts of an account."""

from collections.abc import Sequence

from alphapulse_pipeline.exchange.books import Book, BookTotals, positions_of, rows, total
from alphapulse_pipeline.exchange.errors import Unreadable
from alphapulse_pipeline.exchange.feed import Caller
from alphapulse_pipeline.exchange.venues.okx.common import (
    DATA,
    EARN,
    FUNDING,
    LOAN,
    STAKING,
    TRADING,
    documented,
    per_user,
)

_DOCUMENTED = documented(
    "funding-account-rest-api-get-account-asset-valuation",
    "undated, read on 2026-11-28",
    per_user(1, 1),
    limit=None,
    default_limit=None,
    note="the page does not say at which prices, nor which products are in the earn account",
)
_CURRENCY = "USDT"
# which of them has what is being staked or redeemed, or loans less their collateral, if any, the
# page does not say
_PERHAPS = {"funding": (STAKING,), "earn": (STAKING, LOAN)}
_PARTS = {"trading": (TRADING, positions_of(TRADING)), "funding": (FUNDING,), "earn": (EARN,)}


async def _ask(call: Caller) -> Sequence[Book]:
    """Get account asset valuation: the value of the funding, trading and earn accounts; `classic`
    is deprecated. That of the trading account is its equity, which has the profit of positions."""
    answer = await call("privateGetAssetAssetValuation", {"ccy": _CURRENCY})
    found = []
    for row in rows(DATA(answer), "the asset valuation"):
        details = row.get("details") if isinstance(row, dict) else None
        if not isinstance(details, dict) or not details:
            raise Unreadable("the asset valuation has no details")
        found += [
            Book(
                name,
                total(details, name),
                _CURRENCY,
                _PARTS.get(name, ()),
                perhaps=_PERHAPS.get(name, ()),
            )
            for name in details
        ]
    return found


BOOKS = BookTotals(_ask, _DOCUMENTED)
