"""Spot and margin fills (documentation: "Account trade list", "Query Margin Account's Trade
List")."""

from typing import Any

from exchange_simulator.binance import numbers
from exchange_simulator.binance.answers import Refused
from exchange_simulator.binance.call import Call, Result
from exchange_simulator.binance.figures import eight
from exchange_simulator.binance.names import order_id, trade_id
from exchange_simulator.binance.pages import Window, newest, oldest, spot_window
from exchange_simulator.binance.symbols import symbol_of
from exchange_simulator.isolated import ISOLATED
from exchange_simulator.markets import DAY
from exchange_simulator.records import PORTFOLIO_MARGIN, Fill, Wallet
from exchange_simulator.world import World

_PARAMETERS = ("orderId", "startTime", "endTime", "fromId")
_COMBINATIONS = frozenset(
    map(
        frozenset,
        (
            (),
            ("orderId",),
            ("startTime",),
            ("endTime",),
            ("fromId",),
            ("startTime", "endTime"),
            ("orderId", "fromId"),
        ),
    )
)


def my_trades(call: Call) -> Result:
    fills = _fills(call, "spot", call.capped(500, 1000))
    return [
        {
            **_row(call.world, fill),
            "orderListId": -1,
            "quoteQty": eight(fill.cost),
        }
        for fill in fills
    ]


def margin_trades(call: Call) -> Result:
    isolated = call.text("isIsolated").upper() == "TRUE"
    fills = _fills(call, ISOLATED if isolated else "margin", call.limit(500, 1000))
    return [{**_row(call.world, fill), "isIsolated": isolated} for fill in fills]


def portfolio_trades(call: Call) -> Result:
    """Of cross margin under Portfolio Margin ("Margin Account Trade List")."""
    fills = _fills(call, PORTFOLIO_MARGIN, call.limit(500, 1000))
    return [_row(call.world, fill) for fill in fills]


def _fills(call: Call, wallet: Wallet, limit: int) -> list[Fill]:
    """With an id: fills from that id on; with times: fills of at most 24 hours; both oldest first.
    Otherwise the newest."""
    world, market = call.world, call.market()
    if frozenset(filter(call.text, _PARAMETERS)) not in _COMBINATIONS:
        raise Refused(-1128)
    order, first = call.text("orderId"), call.integer("fromId")
    window = spot_window(call, DAY)
    timeline = world.account.fills_of[market.name]

    def keep(fill: Fill) -> bool:
        return fill.order.wallet == wallet and (not order or order_id(world, fill.order) == order)

    ever = Window(0, call.now)
    if window is None and first is None and not order:
        return newest(call, timeline, ever, limit, keep)
    from_index = None
    if first is not None:
        from_index = numbers.index_from(world.seed, numbers.TRADES, first)
    return oldest(call, timeline, window or ever, limit, keep, from_index)


def _row(world: World, fill: Fill) -> dict[str, Any]:
    order = fill.order
    return {
        "symbol": symbol_of(order.market),
        "id": int(trade_id(world, fill)),
        "orderId": int(order_id(world, order)),
        "price": eight(fill.price),
        "qty": eight(fill.amount),
        "commission": eight(fill.fee),
        "commissionAsset": fill.fee_currency,
        "time": fill.happened_at,
        "isBuyer": order.side == "buy",
        "isMaker": fill.maker,
        "isBestMatch": True,
    }
