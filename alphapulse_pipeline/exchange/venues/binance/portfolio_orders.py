"""Orders of Portfolio Margin: of both futures and of cross margin."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from alphapulse_pipeline.datasets.values import Row
from alphapulse_pipeline.exchange.documented import Documented
from alphapulse_pipeline.exchange.feed import Feed, Paging, Raw, milliseconds
from alphapulse_pipeline.exchange.venues.binance import common, portfolio_pages
from alphapulse_pipeline.exchange.venues.binance.common import (
    COINM,
    MARGIN,
    PORTFOLIO_MARGIN,
    USDM,
    WEEK,
    WINDOW,
    all_of,
)
from alphapulse_pipeline.exchange.venues.venue import Source
from alphapulse_pipeline.exchange.walker import FromId, FromIdOrWindows, Whole
from alphapulse_pipeline.exchange.walker.bisect import Bisect

_FIELDS = (
    *("symbol", "orderId", "clientOrderId", "price", "origQty", "executedQty"),
    *("status", "type", "side", "time", "updateTime"),
)
_IDS = FromId("orderId", lambda row: int(row["orderId"]))


@dataclass(frozen=True)
class _Part:
    """Where the orders of one part are requested."""

    name: str
    category: str
    method_prefix: str
    more_fields: tuple[str, ...]
    paging: Paging
    longest: timedelta
    retention: timedelta | None = None
    listed_for: str = ""


_OF_FUTURES = FromIdOrWindows(_IDS, Bisect(), WEEK)
_KEPT = timedelta(days=90)
_PARTS = (
    _Part(USDM, "linear", "papiGetUm", ("avgPrice", "cumQuote"), _OF_FUTURES, WEEK, _KEPT),
    _Part(COINM, "inverse", "papiGetCm", ("avgPrice", "cumBase"), _OF_FUTURES, WEEK, _KEPT),
    _Part(
        MARGIN,
        "spot",
        "papiGetMargin",
        ("cummulativeQuoteQty",),
        _IDS,
        timedelta(days=1),
        listed_for="margin",
    ),
)


def orders() -> dict[str, Source]:
    return {
        f"portfolio {part.name}": Source(
            Feed(
                f"{part.method_prefix}AllOrders",
                part.paging,
                {"limit": portfolio_pages.ORDERS[part.name].limit},
                time=milliseconds("time"),
                between=WINDOW,
                window=part.longest,
                required=_FIELDS + part.more_fields,
                horizon=part.retention,
                documented=portfolio_pages.ORDERS[part.name],
            ),
            wallet=PORTFOLIO_MARGIN,
            parse="parse_order",
            category=part.category,
            market="symbol",
            per_market="symbol",
            listed_for=part.listed_for,
            amend=_order,
            id="order_id",
        )
        for part in _PARTS
    }


def open_orders() -> tuple[Source, ...]:
    return tuple(
        _now(part, "OpenOrders", portfolio_pages.OPEN_ORDERS[part.name], {}) for part in _PARTS
    )


def by_id(category: str, market: str, order_id: str) -> tuple[Source, ...]:
    params = {"symbol": market, "orderId": order_id}
    return tuple(
        _now(part, "Order", portfolio_pages.ORDER[part.name], params, lambda answer: [answer])
        for part in _PARTS
        if part.category == category
    )


def _now(
    part: _Part,
    method_suffix: str,
    documented: Documented,
    params: dict[str, Any],
    rows: Any = all_of,
) -> Source:
    return Source(
        Feed(
            part.method_prefix + method_suffix,
            Whole(),
            params,
            rows,
            required=_FIELDS + part.more_fields,
            documented=documented,
        ),
        wallet=PORTFOLIO_MARGIN,
        parse="parse_order",
        category=part.category,
        market="symbol",
        amend=_order,
    )


def _order(raw: Raw, row: Row) -> Row:
    return row | {"status": common.status(raw["status"], row["status"])}
