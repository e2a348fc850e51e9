"""Orders (documentation: "Get Open Orders", "Get Closed Orders", "Query Orders Info")."""

from collections.abc import Callable, Iterator
from typing import Any, Literal

from exchange_simulator.kraken import names
from exchange_simulator.kraken.call import Call, Result
from exchange_simulator.kraken.numbers import fixed, seconds
from exchange_simulator.kraken.pages import by_id, page, window
from exchange_simulator.kraken.symbols import pair_altname
from exchange_simulator.kraken.trades import id_of, trades_of
from exchange_simulator.money import ZERO, plain
from exchange_simulator.records import Order

NEWEST_BY: Literal["opened", "closed"] = "closed"
"""What orders requested by when they were opened are sorted by, the latest first."""
_REASONS = {"closed": None, "canceled": "User requested", "rejected": "Post only order"}


def open_orders(call: Call) -> Result:
    """All open orders, on one page."""
    orders = filter(_wanted(call), reversed(call.exchange.world.open_orders(call.now)))
    return {"open": dict(_row(call, order) for order in orders)}


def closed_orders(call: Call) -> Result:
    """`closetime` selects whether `start` and `end` apply to when orders were opened, closed, or
    either.

    The documentation does not say in which order: `NEWEST_BY`.
    """
    closetime = call.choice("closetime", "both", "open", "close")
    asked = window(call, call.directories.orders)
    if asked.after >= 0:
        # an id as a bound means the time at which that order was opened
        asked = asked._replace(first=asked.first + 1)
    account, exchange, now = call.exchange.world.account, call.exchange, call.now

    def ended(first: int, last: int) -> Iterator[Order]:
        return (order for _, order in exchange.newest_first(account.ended, first, last, now))

    orders: Iterator[Order]
    if closetime == "open":
        opened = exchange.newest_first(account.orders, asked.first, asked.last, now)
        orders = (order for _, order in opened if exchange.visible(account.ended, order, now))
        if NEWEST_BY == "closed":
            orders = iter(sorted(orders, key=lambda order: -(order.ended_at or now)))
    elif closetime == "close":
        orders = ended(asked.first, asked.last)
    else:
        # an order opened in the window was closed after its start, possibly after its end
        orders = (
            order
            for order in ended(asked.first, now)
            if asked.holds(order.created_at) or asked.holds(order.ended_at or now)
        )
    return page(call, "closed", filter(_wanted(call), orders), lambda order: _row(call, order))


def query_orders(call: Call) -> Result:
    orders = by_id(call, call.directories.orders, call.ids("txid", 50))
    return dict(_row(call, order) for order in filter(_wanted(call), orders))


def _wanted(call: Call) -> Callable[[Order], bool]:
    client_order_id, reference = call.text("cl_ord_id"), call.integer("userref")

    def wanted(order: Order) -> bool:
        # no order has a user reference
        return not reference and (not client_order_id or order.client_order_id == client_order_id)

    return wanted


def _row(call: Call, order: Order) -> tuple[str, dict[str, Any]]:
    world, market, state = call.exchange.world, order.market, order.at(call.now)
    pair, volume = pair_altname(market), fixed(order.amount)
    limit = "0" if order.type == "market" else plain(order.limit)
    average = order.average(state)
    ended = state.status != "open"
    row: dict[str, Any] = {
        "refid": None,
        # 0 and nothing at all are both the default
        "userref": None if order.number % 2 else 0,
        "cl_ord_id": order.client_order_id or None,
        "status": names.order_status(state.status),
        "opentm": seconds(order.created_at),
        "starttm": 0,
        "expiretm": 0,
        "descr": {
            "pair": pair,
            "aclass": "forex",
            "type": order.side,
            "ordertype": order.type,
            "price": limit,
            "price2": "0",
            "leverage": f"{plain(market.leverage)}:1" if names.is_margin(market) else "none",
            "order": f"{order.side} {volume} {pair} @ {order.type}"
            + (f" {limit}" if order.type == "limit" else ""),
            "close": "",
        },
        "vol": volume,
        "vol_exec": fixed(state.filled),
        "cost": fixed(state.cost),
        "fee": fixed(sum(state.fees.values(), ZERO)),
        "price": fixed(average or ZERO),
        "stopprice": fixed(ZERO),
        "limitprice": fixed(ZERO),
        "misc": "partial" if ended and ZERO < state.filled < order.amount else "",
        "oflags": "fciq,post" if order.post_only else "fciq",
        **({"margin": True} if names.is_margin(market) else {}),
    }
    if ended:
        row["reason"] = _REASONS[state.status]
        row["closetm"] = seconds(state.updated_at)
    if call.flag("trades"):
        fills = [fill for fill in reversed(order.fills) if fill.happened_at <= call.now]
        trades = [id_of(world, trade) for trade in trades_of(call, fills)]
        if trades:
            row["trades"] = trades[::-1]
    return names.order_id(world, order), row
