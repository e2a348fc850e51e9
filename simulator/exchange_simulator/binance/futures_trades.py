"""Futures fills (documentation, USD-M and COIN-M: "Account Trade List")."""

from typing import Any

from exchange_simulator.binance import numbers
from exchange_simulator.binance.answers import Refused, not_required
from exchange_simulator.binance.call import Call, Result
from exchange_simulator.binance.figures import eight, on_grid, price_of
from exchange_simulator.binance.names import order_id, trade_id
from exchange_simulator.binance.pages import Window, futures_window, newest, oldest
from exchange_simulator.binance.retention import SIX_MONTHS
from exchange_simulator.binance.symbols import (
    contracts,
    market_of,
    pair_of,
    symbol_of,
)
from exchange_simulator.markets import WEEK, Market
from exchange_simulator.records import Fill
from exchange_simulator.world import World


def user_trades(call: Call) -> Result:
    market = call.market()
    return _trades(call, market, call.limit(500, 1000), WEEK)


def coin_user_trades(call: Call, longest: int = WEEK) -> Result:
    """By symbol or by pair; the default limit is 50 here."""
    return _trades(call, symbol_or_pair(call, "fromId"), call.limit(50, 1000), longest)


def symbol_or_pair(call: Call, id_name: str) -> Market:
    """The market of the mandatory symbol or pair; a pair means its only perpetual contract."""
    symbol, pair = call.text("symbol"), call.text("pair")
    if not symbol and not pair:
        raise Refused(-1102, "Param 'symbol' or 'pair' must be sent, but both were empty/null!")
    if pair and (symbol or call.text(id_name)):
        raise Refused(-1128)
    if symbol:
        return call.market()
    market = market_of(call.world, call.kind, f"{pair}_PERP")
    if market is None:
        raise Refused(-4144)
    return market


def by_id(call: Call, edge: int) -> Window:
    """What a request from an id on is answered for, at most back to `edge`."""
    return Window(call.now - WEEK if call.world.layout.week_by_id else edge, call.now)


def _trades(call: Call, market: Market, limit: int, longest: int) -> Result:
    """With an id (times are not allowed): fills from that id on; with times: fills of at most so
    long, seven days; both oldest first. Otherwise the newest of that time."""
    world, first, order = call.world, call.integer("fromId"), call.text("orderId")
    if first is not None:
        for name in ("startTime", "endTime"):
            if call.text(name):
                raise not_required(name)
    window = futures_window(call, longest)
    fills = world.account.fills_of[market.name]
    edge = call.now - SIX_MONTHS

    def keep(fill: Fill) -> bool:
        return not order or order_id(world, fill.order) == order

    if first is not None:
        index = numbers.index_from(world.seed, numbers.TRADES, first)
        found = oldest(call, fills, by_id(call, edge), limit, keep, index)
    elif window is not None:
        found = oldest(call, fills, Window(max(window.start, edge), window.end), limit, keep)
    elif order:
        found = oldest(call, fills, Window(edge, call.now), limit, keep)
    else:
        found = newest(call, fills, Window(call.now - longest, call.now), limit, keep)
    return [_row(world, fill) for fill in found]


def _row(world: World, fill: Fill) -> dict[str, Any]:
    order, market = fill.order, fill.order.market
    inverse = market.kind == "inverse"
    row: dict[str, Any] = {
        "symbol": symbol_of(market),
        "id": int(trade_id(world, fill)),
        "orderId": int(order_id(world, order)),
        "side": order.side.upper(),
        "price": price_of(market, fill.price),
        "qty": on_grid(contracts(market, fill.amount), contracts(market, market.step)),
        "realizedPnl": eight(fill.profit),
        "marginAsset": market.settle,
        # both futures report both fields, with zero for the one that does not apply
        "quoteQty": "0" if inverse else eight(fill.cost),
        "baseQty": eight(fill.cost) if inverse else "0",
        "commission": eight(fill.fee),
        "commissionAsset": fill.fee_currency,
        "time": fill.happened_at,
        "positionSide": "BOTH",
        "buyer": order.side == "buy",
        "maker": fill.maker,
    }
    return row | {"pair": pair_of(market)} if inverse else row
