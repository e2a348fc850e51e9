"""Binance's fills, orders and positions."""

from decimal import Decimal
from typing import Any

from alphapulse_pipeline.datasets.values import Row, number
from alphapulse_pipeline.exchange.documented import Documented
from alphapulse_pipeline.exchange.feed import Feed, Paging, Raw, milliseconds
from alphapulse_pipeline.exchange.venues.binance import (
    common,
    conditional,
    options,
    pages,
    portfolio_orders,
)
from alphapulse_pipeline.exchange.venues.binance.common import (
    BY_MILLISECOND,
    COINM,
    FUTURES,
    ISOLATED,
    MARGIN,
    PLACES,
    SPOT,
    USDM,
    WEEK,
    WINDOW,
    Place,
    all_of,
)
from alphapulse_pipeline.exchange.venues.venue import Source
from alphapulse_pipeline.exchange.walker import FromId, FromIdOrWindows, Whole
from alphapulse_pipeline.exchange.walker.bisect import Bisect

# Required fields: stored columns are read from them.
_FILL_FIELDS = ("symbol", "id", "orderId", "price", "qty", "commission", "commissionAsset", "time")
_MORE_FILL_FIELDS = {
    SPOT: ("quoteQty",),
    MARGIN: (),
    ISOLATED: (),
    USDM: ("side", "quoteQty"),
    COINM: ("side", "baseQty"),
}
_FILL_FLAGS = {
    SPOT: ("isBuyer", "isMaker"),
    MARGIN: ("isBuyer", "isMaker", "isIsolated"),
    ISOLATED: ("isBuyer", "isMaker", "isIsolated"),
    USDM: ("maker",),
    COINM: ("maker",),
}
_ORDER_FIELDS = (
    "symbol",
    "orderId",
    "clientOrderId",
    "price",
    "origQty",
    "executedQty",
    "status",
    "type",
    "side",
    "time",
    "updateTime",
)
_MORE_ORDER_FIELDS = {
    SPOT: ("cummulativeQuoteQty",),
    MARGIN: ("cummulativeQuoteQty",),
    ISOLATED: ("cummulativeQuoteQty",),
    USDM: ("avgPrice", "cumQuote"),
    COINM: ("avgPrice", "cumBase"),
}
_ORDER_FLAGS = {MARGIN: ("isIsolated",), ISOLATED: ("isIsolated",)}
_POSITION_FIELDS = (
    "symbol",
    "positionAmt",
    "entryPrice",
    "markPrice",
    "unRealizedProfit",
    "liquidationPrice",
    "leverage",
    "marginType",
)
# COIN-M's page lists no notionalValue
_MORE_POSITION_FIELDS = {USDM: ("notional",), COINM: ()}


def trades() -> dict[str, Source]:
    return {
        place.wallet: Source(
            Feed(
                place.method_prefix + ("UserTrades" if place.wallet in FUTURES else "MyTrades"),
                _paging(place, FromId("fromId", lambda row: int(row["id"])), BY_MILLISECOND),
                {"limit": pages.FILLS[place.wallet].limit, **place.params},
                time=milliseconds("time"),
                between=WINDOW,
                window=place.longest,
                required=_FILL_FIELDS + _MORE_FILL_FIELDS[place.wallet],
                flags=_FILL_FLAGS[place.wallet],
                horizon=place.fills_retention,
                documented=pages.FILLS[place.wallet],
            ),
            wallet=place.wallet,
            parse="parse_trade",
            category=place.category,
            market="symbol",
            per_market="symbol",
            listed_for=place.listed_for,
            amend=_fill,
            id="trade_id",
        )
        for place in PLACES
    }


def orders() -> dict[str, Source]:
    return {
        place.wallet: Source(
            Feed(
                f"{place.method_prefix}AllOrders",
                _paging(place, FromId("orderId", lambda row: int(row["orderId"])), Bisect()),
                {"limit": pages.ORDERS[place.wallet].limit, **place.params},
                time=milliseconds("time"),
                between=WINDOW,
                window=place.longest,
                required=_ORDER_FIELDS + _MORE_ORDER_FIELDS[place.wallet],
                flags=_ORDER_FLAGS.get(place.wallet, ()),
                horizon=place.orders_retention,
                documented=pages.ORDERS[place.wallet],
            ),
            wallet=place.wallet,
            parse="parse_order",
            category=place.category,
            market="symbol",
            per_market="symbol",
            listed_for=place.listed_for,
            amend=_order,
            id="order_id",
        )
        for place in PLACES
    }


def open_orders() -> tuple[Source, ...]:
    """Isolated margin lists open orders per market only; they are in its history as well."""
    return tuple(
        _orders_now(place, "OpenOrders", pages.OPEN_ORDERS[place.wallet], dict(place.params))
        for place in PLACES
        if place.wallet != ISOLATED
    )


def order_by_id(category: str, market: str, order_id: str) -> tuple[Source, ...]:
    if order_id.startswith(conditional.PREFIX):
        return conditional.by_id(category, order_id)
    places = tuple(
        _orders_now(
            place,
            "Order",
            pages.ORDER[place.wallet],
            {"symbol": market, "orderId": order_id, **place.params},
            lambda answer: [answer],
        )
        for place in PLACES
        if place.category == category
    )
    return places + portfolio_orders.by_id(category, market, order_id)


def positions() -> tuple[Source, ...]:
    return (
        _positions("fapiPrivateV2GetPositionRisk", USDM, "linear"),
        _positions("dapiPrivateGetPositionRisk", COINM, "inverse"),
        options.positions(),
    )


def _paging(place: Place, ids: FromId, windows: Paging) -> Paging:
    if place.wallet not in FUTURES:
        return ids
    return FromIdOrWindows(ids, windows, WEEK)


def _orders_now(
    place: Place,
    method_suffix: str,
    documented: Documented,
    params: dict[str, Any],
    rows: Any = all_of,
) -> Source:
    return Source(
        Feed(
            place.method_prefix + method_suffix,
            Whole(),
            params,
            rows,
            required=_ORDER_FIELDS + _MORE_ORDER_FIELDS[place.wallet],
            flags=_ORDER_FLAGS.get(place.wallet, ()),
            documented=documented,
        ),
        wallet=place.wallet,
        parse="parse_order",
        category=place.category,
        market="symbol",
        amend=_order,
    )


def _positions(method: str, wallet: str, category: str) -> Source:
    return Source(
        Feed(
            method,
            Whole(),
            rows=all_of,
            required=_POSITION_FIELDS + _MORE_POSITION_FIELDS[wallet],
            documented=pages.POSITIONS[wallet],
        ),
        wallet=wallet,
        parse="parse_position_risk",
        category=category,
        market="symbol",
    )


def position(raw: Raw, position: Row) -> Row:
    """ccxt takes the side from `notionalValue`; without it, from the sign of the amount."""
    if raw.get("optionSide"):
        return options.position(raw, position)
    if raw.get("notional") or raw.get("notionalValue"):
        return position
    amount, mark = Decimal(raw["positionAmt"]), Decimal(raw["markPrice"])
    size = number(position.get("contractSize"))
    notional = str(round(abs(amount) * size / mark, 8)) if size and mark else None
    return position | {"side": "short" if amount < 0 else "long", "notional": notional}


def _fill(raw: Raw, row: Row) -> Row:
    return _actual_wallet(raw, row) | {"realized_pnl": number(raw.get("realizedPnl"))}


def _order(raw: Raw, row: Row) -> Row:
    return _actual_wallet(raw, row) | {"status": common.status(raw["status"], row["status"])}


def _actual_wallet(raw: Raw, row: Row) -> Row:
    """Cross and isolated margin share an endpoint: the row's own flag decides."""
    if row["wallet"] in (MARGIN, ISOLATED):
        return row | {"wallet": ISOLATED if raw.get("isIsolated") else MARGIN}
    return row
