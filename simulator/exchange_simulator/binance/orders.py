"""Spot and margin orders (documentation: "Query order", "Current open orders", "All orders",
"Query Margin Account's Order", "... Open Orders", "... All Orders").

Orders that ended without a fill are archived after 90 days.
"""

from typing import Any

from exchange_simulator.binance import numbers
from exchange_simulator.binance.answers import Refused
from exchange_simulator.binance.call import Call, Result
from exchange_simulator.binance.figures import eight
from exchange_simulator.binance.names import client_order_id, first_order, order_id
from exchange_simulator.binance.pages import Window, newest, oldest, spot_window
from exchange_simulator.binance.retention import RETENTION
from exchange_simulator.binance.symbols import symbol_of
from exchange_simulator.isolated import ISOLATED
from exchange_simulator.markets import DAY, Market
from exchange_simulator.money import ZERO
from exchange_simulator.records import PORTFOLIO_MARGIN, Order, Wallet
from exchange_simulator.retention import is_expired

STATUSES = {"closed": "FILLED", "canceled": "CANCELED", "rejected": "REJECTED"}


def order(call: Call) -> Result:
    return _spot_row(call, found(call, "spot"))


def open_orders(call: Call) -> Result:
    return [_spot_row(call, order) for order in resting(call, "spot")]


def all_orders(call: Call) -> Result:
    limit = call.capped(500, 1000)
    ever = Window(0, call.now)
    return [_spot_row(call, order) for order in _orders(call, "spot", limit, ever)]


def margin_order(call: Call) -> Result:
    return _margin_row(call, found(call, _wallet(call)))


def margin_open_orders(call: Call) -> Result:
    """On isolated margin, only those of a symbol."""
    wallet = _wallet(call)
    if wallet == ISOLATED:
        call.required("symbol")
    return [_margin_row(call, order) for order in resting(call, wallet)]


def margin_all_orders(call: Call) -> Result:
    """At most 500; without an id or times, the orders of the last 24 hours."""
    limit = call.limit(500, 500)
    yesterday = Window(call.now - DAY, call.now)
    return [_margin_row(call, order) for order in _orders(call, _wallet(call), limit, yesterday)]


def portfolio_order(call: Call) -> Result:
    """Of cross margin under Portfolio Margin ("Query Margin Account Order")."""
    return _row(call, found(call, PORTFOLIO_MARGIN))


def portfolio_open_orders(call: Call) -> Result:
    return [_row(call, order) for order in resting(call, PORTFOLIO_MARGIN)]


def portfolio_all_orders(call: Call) -> Result:
    limit = call.limit(500, 500)
    yesterday = Window(call.now - DAY, call.now)
    return [_row(call, order) for order in _orders(call, PORTFOLIO_MARGIN, limit, yesterday)]


def _wallet(call: Call) -> Wallet:
    return ISOLATED if call.text("isIsolated").upper() == "TRUE" else "margin"


def found(call: Call, wallet: Wallet) -> Order:
    """One order by `orderId` or `origClientOrderId`. Raises Refused if it is not served."""
    market = call.market()
    number, name = call.integer("orderId"), call.text("origClientOrderId")
    if number is None and not name:
        raise Refused(
            -1102,
            "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!",
        )
    order = _numbered(call, market, number) if number is not None else _called(call, market, name)
    if order is None or order.wallet != wallet:
        raise Refused(-2013)
    if is_expired(RETENTION, order, call.now):
        raise Refused(-2026 if market.kind == "spot" else -2013)
    return order


def resting(call: Call, wallet: Wallet) -> list[Order]:
    """Open orders of one symbol or all."""
    market = call.market() if call.text("symbol") else None
    world = call.world
    return [
        order
        for order in world.open_orders(call.now)
        if order.wallet == wallet
        and order.market.kind == call.kind
        and (market is None or order.market is market)
        and call.exchange.visible(world.account.orders, order, call.now)
    ]


def _orders(call: Call, wallet: Wallet, limit: int, default: Window) -> list[Order]:
    """With an id: orders from `orderId` on (times are ignored); with times: orders of at most 24
    hours; both oldest first. Otherwise the newest in the window `default`."""
    market, first, window = call.market(), call.integer("orderId"), spot_window(call, DAY)
    timeline = call.world.account.orders_on[market.name]

    def keep(order: Order) -> bool:
        return order.wallet == wallet and not is_expired(RETENTION, order, call.now)

    if first is not None:
        index = numbers.index_from(call.world.seed, numbers.ORDERS, first)
        return oldest(call, timeline, Window(0, call.now), limit, keep, index)
    if window is not None:
        return oldest(call, timeline, window, limit, keep)
    return newest(call, timeline, default, limit, keep)


def _numbered(call: Call, market: Market, number: int) -> Order | None:
    orders = call.world.account.orders_on[market.name]
    seed = call.world.seed
    if not orders.rows:
        return None
    first = first_order(orders.rows[0])
    index = numbers.index_from(seed, first, number)
    if index >= len(orders.rows) or numbers.number(seed, first, index) != number:
        return None
    order = orders.rows[index]
    return order if call.exchange.visible(orders, order, call.now) else None


def _called(call: Call, market: Market, name: str) -> Order | None:
    """The newest order with that client order id."""
    orders = call.world.account.orders_on[market.name]
    seen = call.exchange.newest_first(orders, 0, call.now, call.now)
    return next((order for _, order in seen if client_order_id(call.world, order) == name), None)


def _spot_row(call: Call, order: Order) -> dict[str, Any]:
    return {
        **_row(call, order),
        "orderListId": -1,
        "workingTime": order.created_at,
        "origQuoteOrderQty": eight(ZERO),
    }


def _margin_row(call: Call, order: Order) -> dict[str, Any]:
    return {**_row(call, order), "isIsolated": order.wallet == ISOLATED}


def _row(call: Call, order: Order) -> dict[str, Any]:
    state, taking = order.at(call.now), order.type == "market"
    status = STATUSES.get(state.status) or ("PARTIALLY_FILLED" if state.filled else "NEW")
    return {
        "symbol": symbol_of(order.market),
        "orderId": int(order_id(call.world, order)),
        "clientOrderId": client_order_id(call.world, order),
        "price": eight(ZERO if taking else order.limit),
        "origQty": eight(order.amount),
        "executedQty": eight(state.filled),
        "cummulativeQuoteQty": eight(state.cost),
        "status": status,
        "timeInForce": "GTC",
        "type": "MARKET" if taking else "LIMIT_MAKER" if order.post_only else "LIMIT",
        "side": order.side.upper(),
        "stopPrice": eight(ZERO),
        "icebergQty": eight(ZERO),
        "time": order.created_at,
        "updateTime": state.updated_at,
        "isWorking": True,
        "selfTradePreventionMode": "EXPIRE_MAKER",
    }
