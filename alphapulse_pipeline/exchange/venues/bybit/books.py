"""Bybit's own totals of the parts of an account."""

from collections.abc import Sequence
from decimal import Decimal

from alphapulse_pipeline.exchange.books import Book, BookTotals, positions_of, rows, total
from alphapulse_pipeline.exchange.documented import Documented
from alphapulse_pipeline.exchange.feed import Caller, at, require
from alphapulse_pipeline.exchange.venues.bybit.common import EARN, FUNDING, UNIFIED

_DOCUMENTED = Documented(
    page="bybit-exchange.github.io/docs/v5/asset/balance/asset-overview",
    dated="2026-07-20",
    cost="1 of 50 per second",
    note="the totals are rounded to cents, and the page does not say at which prices; not served "
    "by the sites of other regions (KZ, GE, EU)",
)
_CURRENCY, _EARN = "USD", "Earn"
_PARTS = {
    "UnifiedTradingAccount": (UNIFIED, positions_of(UNIFIED)),
    "FundingAccount": (FUNDING,),
    _EARN: (EARN,),
}


async def _ask(call: Caller) -> Sequence[Book]:
    """Asset Overview: "total assets and detailed asset holdings across different accounts and
    product categories". `totalEquity` of the unified account has the profit of open positions, as
    its equity has in "Get Wallet Balance". Earn is not listed for every account: nothing is in it
    then."""
    answer = await call("privateGetV5AssetAssetOverview", {"valuationCurrency": _CURRENCY})
    listed = rows(at("result", "list")(answer), "the asset overview")
    for row in listed:
        require(row, ("accountType", "totalEquity", "valuationCurrency"), "the asset overview")
    books = [
        Book(
            row["accountType"],
            total(row, "totalEquity"),
            row["valuationCurrency"],
            _PARTS.get(row["accountType"], ()),
        )
        for row in listed
    ]
    if books and all(book.name != _EARN for book in books):
        books.append(Book(_EARN, Decimal(0), _CURRENCY, _PARTS[_EARN]))
    return books


BOOKS = BookTotals(_ask, _DOCUMENTED)
