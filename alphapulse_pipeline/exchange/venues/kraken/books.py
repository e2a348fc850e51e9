"""Kraken's own total of an account."""

from collections.abc import Sequence

from alphapulse_pipeline.exchange.books import Book, BookTotals, total
from alphapulse_pipeline.exchange.feed import Caller
from alphapulse_pipeline.exchange.venues.kraken.account import EARN, HOLD
from alphapulse_pipeline.exchange.venues.kraken.common import (
    OPEN_ORDERS,
    SPOT,
    documented,
    result,
)

_DOCUMENTED = documented(
    "account-data/get-trade-balance",
    OPEN_ORDERS,
    note="the page does not say whether the equivalent balance has what earns a yield or is on "
    "hold, nor at which prices it is",
)


async def _ask(call: Caller) -> Sequence[Book]:
    """Get Trade Balance: `eb` is the "equivalent balance (combined balance of all currencies)";
    the profit of open positions is apart, in `n`."""
    answer = result(await call("privatePostTradeBalance", {"asset": "ZUSD"}))
    return [Book("equivalent balance", total(answer, "eb"), "USD", (SPOT,), (EARN, HOLD))]


BOOKS = BookTotals(_ask, _DOCUMENTED)
