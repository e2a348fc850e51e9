"""Binance's conditional futures orders: stop, take-profit and trailing orders.

They are listed apart and have ids of their own, which are stored with the prefix `algo-`. One that
was triggered is closed and has no fills: the order that it placed is a row of its own, and `raw`
names it (`actualOrderId`).
"""

from decimal import Decimal

from alphapulse_pipeline.datasets.values import Row
from alphapulse_pipeline.exchange.feed import Feed, Raw, milliseconds
from alphapulse_pipeline.exchange.venues.binance import pages
from alphapulse_pipeline.exchange.venues.binance.common import (
    FUTURES,
    PLACES,
    WINDOW,
    Place,
    all_of,
    status,
)
from alphapulse_pipeline.exchange.venues.venue import Source
from alphapulse_pipeline.exchange.walker import Whole
from alphapulse_pipeline.exchange.walker.bisect import Bisect

PREFIX = "algo-"
_FIELDS = (
    "algoId",
    "clientAlgoId",
    "symbol",
    "side",
    "positionSide",
    "orderType",
    "quantity",
    "algoStatus",
    "createTime",
    "updateTime",
)
_PLACES = tuple(place for place in PLACES if place.wallet in FUTURES)


def history() -> dict[str, Source]:
    return {
        f"{place.wallet} conditional": _source(
            place,
            Feed(
                f"{place.method_prefix}AllAlgoOrders",
                Bisect(),
                time=milliseconds("createTime"),
                between=WINDOW,
                window=place.longest,
                required=_FIELDS,
                horizon=place.orders_retention,
                documented=pages.CONDITIONAL[place.wallet],
            ),
            per_market="symbol",
        )
        for place in _PLACES
    }


def open_orders() -> tuple[Source, ...]:
    return tuple(
        _source(
            place,
            Feed(
                f"{place.method_prefix}OpenAlgoOrders",
                Whole(),
                rows=all_of,
                required=_FIELDS,
                documented=pages.OPEN_CONDITIONAL[place.wallet],
            ),
        )
        for place in _PLACES
    )


def by_id(category: str, order_id: str) -> tuple[Source, ...]:
    """Where to look up one order by its stored id."""
    return tuple(
        _source(
            place,
            Feed(
                f"{place.method_prefix}AlgoOrder",
                Whole(),
                {"algoId": order_id.removeprefix(PREFIX)},
                lambda answer: [answer],
                required=_FIELDS,
                documented=pages.ONE_CONDITIONAL[place.wallet],
            ),
        )
        for place in _PLACES
        if place.category == category
    )


def _source(place: Place, feed: Feed, per_market: str = "") -> Source:
    return Source(
        feed,
        wallet=place.wallet,
        parse="parse_order",
        category=place.category,
        market="symbol",
        per_market=per_market,
        never_filled=True,
        amend=_order,
    )


def _order(raw: Raw, row: Row) -> Row:
    return row | {
        "order_id": f"{PREFIX}{raw['algoId']}",
        "type": str(raw["orderType"]).lower(),  # ccxt's is that of the order it will place
        "status": status(raw["algoStatus"], row["status"]),
        "price": row["price"] or None,
        "filled": Decimal(0),
        "average": None,
    }
