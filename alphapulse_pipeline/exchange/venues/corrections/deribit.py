"""Deribit: what is older than 24 hours (orders: 30 minutes) is in the historical records only.

Sources: docs.deribit.com/articles/accessing-historical-trades-orders and
docs.deribit.com/api-reference/trading/private-get_order_history_by_currency; undated.
"""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from alphapulse_pipeline.exchange.documented import Documented
from alphapulse_pipeline.exchange.venues.venue import Source, Venue
from alphapulse_pipeline.exchange.walker import Whole

_LAG = timedelta(days=1)
"""Historical records appear "after a short delay"; recent ones are there for a day."""
_ALL_ORDERS = {"include_old": True, "include_unfilled": True}
_ORDERS = Documented(
    page="docs.deribit.com/api-reference/trading/private-get_order_history_by_currency",
    dated="undated",
    limit=1000,
    default_limit=20,
)
_TRADES = Documented(
    page="docs.deribit.com/api-reference/trading/private-get_user_trades_by_currency_and_time",
    dated="undated",
    limit=1000,
    default_limit=10,
)


def corrected(venue: Venue) -> Venue:
    trades, orders = venue.histories["trades"], venue.histories["orders"]
    histories = {
        **venue.histories,
        "trades": {n: _historical(s, _TRADES, {}) for n, s in trades.items()},
        "orders": {n: _historical(s, _ORDERS, _ALL_ORDERS) for n, s in orders.items()},
    }
    ended = tuple(_recent(source) for source in orders.values())
    return replace(venue, histories=histories, ended_orders=ended, lag=_LAG)


def _historical(source: Source, documented: Documented, more: dict[str, Any]) -> Source:
    given = source.feed.between

    def between(first: int, last: int) -> dict[str, Any]:
        window = dict(given(first, last))
        window.pop("limit", None)
        return {**window, "params": {**window["params"], "historical": True, **more}}

    feed = replace(source.feed, between=between, params={"limit": 1000}, documented=documented)
    return replace(source, feed=feed)


def _recent(source: Source) -> Source:
    """Orders that ended within 30 minutes."""
    params = {**source.feed.between(0, 0)["params"], **_ALL_ORDERS}
    feed = replace(source.feed, paging=Whole(), params={"limit": 1000, "params": params})
    return replace(source, feed=feed)
