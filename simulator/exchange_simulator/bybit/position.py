"""Open positions (documentation: "Get Position Info")."""

from typing import Any

from exchange_simulator.bybit.answers import Refused
from exchange_simulator.bybit.call import Call, Result
from exchange_simulator.bybit.symbols import symbol_of
from exchange_simulator.money import ZERO, nearest, plain
from exchange_simulator.records import Position
from exchange_simulator.world import World


def position_list(call: Call) -> Result:
    category = call.category("linear", "inverse", "option")
    symbol, settle, base = call.text("symbol"), call.text("settleCoin"), call.text("baseCoin")
    if category == "linear" and not symbol and not settle:
        raise Refused(10001, "params error: symbol or settleCoin is required")
    world = call.exchange.world
    held = [
        position
        for position in world.open_positions(call.now)
        if position.market.kind == category
        and (not base or position.market.base == base)
        and (symbol or not settle or position.market.settle == settle)
    ]
    if symbol:
        held = [p for p in held if symbol_of(p.market) == symbol] or _flat(call, symbol)
    # newest first; a position keeps its number until it is closed
    numbered = sorted(((_number(p), p) for p in held), key=lambda pair: -pair[0])
    page, cursor = call.page(numbered, call.limit(20, 200))
    return {
        "list": [_row(world, position, call.now) for position in page],
        "nextPageCursor": cursor,
        "category": category,
    }


def _number(position: Position) -> int:
    """Number of a position, unique and stable: when it was opened, plus a part that separates
    positions of the same millisecond."""
    return position.opened_at * 10_000 + sum(position.market.name.encode())


def _flat(call: Call, symbol: str) -> list[Position]:
    """A requested symbol is always returned, with or without a position."""
    for market in call.exchange.world.catalogue.listed(call.category(), call.now):
        if symbol_of(market) == symbol:
            return [Position(market, ZERO, ZERO, ZERO, ZERO, 0, 0)]
    raise Refused(10001, f"params error: symbol invalid {symbol}")


def _row(world: World, position: Position, now: int) -> dict[str, Any]:
    market, size = position.market, position.size
    mark = world.prices.mark(market, now)
    liquidation = world.liquidation_price(position) if size else None
    option = market.kind == "option"
    return {
        "positionIdx": 0,
        "riskId": 1,
        "riskLimitValue": "2000000",
        "symbol": symbol_of(market),
        "side": "Buy" if size > 0 else "Sell" if size < 0 else "",
        "size": plain(abs(size)),
        "avgPrice": plain(position.entry_price),
        "positionValue": plain(position.basis) if size else "",
        "tradeMode": 0,
        "positionStatus": "Normal",
        "autoAddMargin": 0,
        "adlRankIndicator": 2 if size else 0,
        "leverage": "" if option else plain(market.leverage),
        "positionBalance": "0",
        "markPrice": plain(mark),
        "liqPrice": "" if liquidation is None else plain(liquidation),
        "bustPrice": "",
        "positionMM": plain(nearest(position.value(mark) / 200)),
        "positionIM": plain(world.position_margin(position, now)),
        "tpslMode": "Full",
        "takeProfit": "",
        "stopLoss": "",
        "trailingStop": "0",
        "unrealisedPnl": plain(position.profit(mark)) if size else "",
        "curRealisedPnl": plain(position.realised),
        "cumRealisedPnl": plain(position.realised_ever),
        "sessionAvgPrice": plain(position.entry_price) if market.settle == "USDC" else "",
        "delta": "",
        "gamma": "",
        "vega": "",
        "theta": "",
        "seq": position.updated_at * 10,
        "isReduceOnly": False,
        "mmrSysUpdatedTime": "",
        "leverageSysUpdatedTime": "",
        "createdTime": str(position.opened_at) if size else "",
        "updatedTime": str(position.updated_at) if size else "",
    }
