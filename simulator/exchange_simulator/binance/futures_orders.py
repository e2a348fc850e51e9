"""Futures orders (documentation, USD-M and COIN-M: "Query Order", "Current All Open Orders", "All
Orders", "User's Force Orders").

Orders canceled or expired without a fill are served for three days, all others for 90.
"""

from typing import Any

from exchange_simulator.binance import numbers
from exchange_simulator.binance.answers import Refused
from exchange_simulator.binance.call import Call, Result
from exchange_simulator.binance.figures import eight, on_grid, price_of
from exchange_simulator.binance.futures_trades import by_id, symbol_or_pair
from exchange_simulator.binance.names import client_order_id, order_id
from exchange_simulator.binance.orders import STATUSES, found, resting
from exchange_simulator.binance.pages import Window, futures_window, newest, oldest
from exchange_simulator.binance.retention import NINETY_DAYS, RETENTION
from exchange_simulator.binance.symbols import contracts, pair_of, symbol_of
from exchange_simulator.markets import WEEK, Market
from exchange_simulator.money import ZERO
from exchange_simulator.records import Order, Wallet
from exchange_simulator.retention import is_expired

_CAUSES = {"liquidation": "LIQUIDATION", "adl": "ADL"}


def order(call: Call) -> Result:
    return _row(call, found(call, wallet_of(call)))


def open_orders(call: Call) -> Result:
    pair = call.text("pair") if call.kind == "inverse" else ""
    return [
        _row(call, order)
        for order in resting(call, wallet_of(call))
        if not pair or pair_of(order.market) == pair
    ]


def all_orders(call: Call) -> Result:
    """Without a symbol, the orders of all symbols, including those of COIN-M."""
    market = call.market() if call.text("symbol") else None
    return [_row(call, order) for order in _orders(call, market, call.limit(500, 1000))]


def coin_all_orders(call: Call) -> Result:
    """By symbol or by pair; at most 100."""
    market = symbol_or_pair(call, "orderId")
    return [_row(call, order) for order in _orders(call, market, call.limit(50, 100))]


def force_orders(call: Call) -> Result:
    """Orders of liquidations and auto-deleveraging, in a window of at most seven days (default: the
    last seven)."""
    market = call.market() if call.text("symbol") else None
    limit, cause = call.limit(50, 100), call.text("autoCloseType")
    window = futures_window(call, WEEK) or Window(call.now - WEEK, call.now)

    def keep(order: Order) -> bool:
        return (
            order.cause in _CAUSES
            and order.market.kind == call.kind
            and (market is None or order.market is market)
            and (not cause or _CAUSES[order.cause] == cause)
        )

    orders = call.world.account.orders
    edge = call.now - NINETY_DAYS
    window = Window(max(window.start, edge), window.end)
    return [_row(call, order) for order in oldest(call, orders, window, limit, keep)]


def wallet_of(call: Call) -> Wallet:
    return call.world.layout.wallet_of[call.kind]


def _orders(call: Call, market: Market | None, limit: int) -> list[Order]:
    """With an id: orders from `orderId` on; with times: orders of at most seven days; both oldest
    first. Otherwise the newest of the last seven days."""
    first, window = call.integer("orderId"), futures_window(call, WEEK)
    edge = call.now - NINETY_DAYS
    if window is not None and window.start < edge:
        raise Refused(-4166, "Search window is restricted to recent 90 days only.")
    account = call.world.account
    orders = account.orders if market is None else account.orders_on[market.name]

    def keep(order: Order) -> bool:
        return order.market.kind != "spot" and not is_expired(RETENTION, order, call.now)

    if first is not None:
        if market is None:
            raise Refused(-1128)
        index = numbers.index_from(call.world.seed, numbers.FUTURES_ORDERS, first)
        return oldest(call, orders, window or by_id(call, edge), limit, keep, index)
    if window is not None:
        return oldest(call, orders, window, limit, keep)
    return newest(call, orders, Window(call.now - WEEK, call.now), limit, keep)


def _row(call: Call, order: Order) -> dict[str, Any]:
    market, state, taking = order.market, order.at(call.now), order.type == "market"
    inverse, step = market.kind == "inverse", contracts(market, market.step)
    status = STATUSES.get(state.status) or ("PARTIALLY_FILLED" if state.filled else "NEW")
    kind = "MARKET" if taking else "LIMIT"
    row: dict[str, Any] = {
        "orderId": int(order_id(call.world, order)),
        "symbol": symbol_of(market),
        "status": status,
        "clientOrderId": client_order_id(call.world, order),
        "price": price_of(market, ZERO if taking else order.limit),
        "avgPrice": eight(order.average(state) or ZERO),
        "origQty": on_grid(contracts(market, order.amount), step),
        "executedQty": on_grid(contracts(market, state.filled), step),
        # both futures report both fields, with zero for the one that does not apply
        "cumQuote": "0" if inverse else eight(state.cost),
        "cumBase": eight(state.cost) if inverse else "0",
        "timeInForce": "IOC" if order.cause in _CAUSES else "GTX" if order.post_only else "GTC",
        "type": kind,
        "reduceOnly": order.reduce_only,
        "closePosition": False,
        "side": order.side.upper(),
        "positionSide": "BOTH",
        "stopPrice": "0",
        "workingType": "CONTRACT_PRICE",
        "priceProtect": False,
        "origType": kind,
        "priceMatch": "NONE",
        "selfTradePreventionMode": "EXPIRE_MAKER",
        "goodTillDate": 0,
        "time": order.created_at,
        "updateTime": state.updated_at,
    }
    return row | {"pair": pair_of(market)} if inverse else row
