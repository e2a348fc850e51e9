"""Conditional futures orders: stop, take-profit and trailing orders, which are listed apart.

Documentation, USD-M: "Current All Algo Open Orders", "Query All Algo Orders", "Query Algo Order".
COIN-M's pages name only POST /dapi/v1/algoOrder, which replaces stop orders there; ccxt, which has
the same three lists, reports that they exist. Orders canceled without a fill are served for three
days, all others for 90.
"""

from typing import Any

from exchange_simulator.binance.answers import Refused
from exchange_simulator.binance.call import Call, Result
from exchange_simulator.binance.figures import on_grid, price_of
from exchange_simulator.binance.names import conditional_id, order_id
from exchange_simulator.binance.pages import Window, futures_window, newest, oldest
from exchange_simulator.binance.retention import NINETY_DAYS, conditional_expired
from exchange_simulator.binance.symbols import contracts, symbol_of
from exchange_simulator.markets import WEEK
from exchange_simulator.money import ZERO
from exchange_simulator.records import Conditional

_STATUSES = {"open": "NEW", "closed": "FINISHED", "canceled": "CANCELED"}


def open_orders(call: Call) -> Result:
    market = call.market() if call.text("symbol") else None
    return [
        _row(call, order)
        for order in _served(call)
        if order.status(call.now) == "open" and market in (None, order.market)
    ]


def all_orders(call: Call) -> Result:
    """From an id on, or of a window of at most seven days; otherwise of the last seven days."""
    market, limit = call.market(), call.limit(500, 1000)
    first, window = call.integer("algoId"), futures_window(call, WEEK)
    edge = call.now - NINETY_DAYS

    def keep(order: Conditional) -> bool:
        wanted = order.market is market and (first is None or _number(call, order) >= first)
        return wanted and not conditional_expired(order, call.now)

    timeline = call.world.account.conditionals
    recent = Window(call.now - WEEK, call.now)
    if first is not None and not call.world.layout.week_by_id:
        recent = Window(edge, call.now)
    if first is not None or window is not None:
        return [_row(call, o) for o in oldest(call, timeline, window or recent, limit, keep)]
    return [_row(call, o) for o in newest(call, timeline, recent, limit, keep)]


def order(call: Call) -> Result:
    number, name = call.integer("algoId"), call.text("clientAlgoId")
    for found in _served(call):
        if number == _number(call, found) or (name and name == _client_id(found)):
            return _row(call, found) | {"actualType": "", "actualQty": "0"}
    raise Refused(-2013)


# -- internals ---------------------------------------------------------------------------------


def _served(call: Call) -> list[Conditional]:
    timeline = call.world.account.conditionals
    seen = call.exchange.oldest_first(timeline, 0, call.now, call.now)
    return [
        order
        for _, order in seen
        if order.market.kind == call.kind and not conditional_expired(order, call.now)
    ]


def _number(call: Call, order: Conditional) -> int:
    return int(conditional_id(call.world, order))


def _client_id(order: Conditional) -> str:
    return f"conditional-{order.number}"


def _row(call: Call, order: Conditional) -> dict[str, Any]:
    market, status = order.market, order.status(call.now)
    step = contracts(market, market.step)
    placed = order.placed if status == "closed" else None
    ended = order.ended_at if status != "open" and order.ended_at else 0
    return {
        "algoId": _number(call, order),
        "clientAlgoId": _client_id(order),
        "algoType": "CONDITIONAL",
        "orderType": order.type.upper(),
        "symbol": symbol_of(market),
        "side": order.side.upper(),
        "positionSide": "BOTH",
        "timeInForce": "GTC",
        "quantity": on_grid(contracts(market, order.amount), step),
        "algoStatus": _STATUSES[status],
        "actualOrderId": order_id(call.world, placed) if placed else "",
        "actualPrice": price_of(market, ZERO),
        "triggerPrice": price_of(market, order.trigger),
        "price": price_of(market, order.limit),
        "icebergQuantity": None,
        "tpTriggerPrice": "0.000",
        "tpPrice": "0.000",
        "slTriggerPrice": "0.000",
        "slPrice": "0.000",
        "tpOrderType": "",
        "selfTradePreventionMode": "EXPIRE_MAKER",
        "workingType": "CONTRACT_PRICE",
        "priceMatch": "NONE",
        "closePosition": False,
        "priceProtect": False,
        "reduceOnly": False,
        "createTime": order.happened_at,
        "updateTime": ended or order.happened_at,
        "triggerTime": ended if placed else 0,
        "goodTillDate": 0,
    }
