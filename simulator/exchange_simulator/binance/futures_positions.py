"""Futures positions: one-way mode, cross margin.

Documentation, USD-M: "Position Information V2" and "V3", "Symbol Configuration", "Notional and
Leverage Brackets"; COIN-M: "Position Information", "Notional Bracket for Symbol".
"""

from decimal import Decimal
from typing import Any

from exchange_simulator.binance.call import Call, Result
from exchange_simulator.binance.figures import eight, on_grid, price_of
from exchange_simulator.binance.symbols import contracts, pair_of, symbol_of
from exchange_simulator.markets import Market
from exchange_simulator.money import ZERO, nearest
from exchange_simulator.records import Position

_MAINTENANCE = Decimal("0.005")


def position_risk_v2(call: Call) -> Result:
    """All symbols, with or without a position."""
    return [_with_leverage(call, position) for position in _asked_for(call)]


def position_risk_v3(call: Call) -> Result:
    """Only symbols with a position (the real API adds those with open orders)."""
    return [
        _risk(call, position)
        | {
            "initialMargin": eight(call.world.position_margin(position, call.now)),
            "maintMargin": eight(maintenance(call, position)),
            "positionInitialMargin": eight(call.world.position_margin(position, call.now)),
            "openOrderInitialMargin": "0",
            "adl": 2,
            "bidNotional": "0",
            "askNotional": "0",
            "marginAsset": position.market.settle,
        }
        for position in _asked_for(call)
        if position.size
    ]


def risk_of_portfolio(call: Call) -> list[dict[str, Any]]:
    """Of Portfolio Margin: without a margin mode; both pages have the value."""
    left_out = ("isolatedMargin", "isolatedWallet", "marginType", "isAutoAddMargin", "isolated")
    rows = []
    for position in _asked_for(call):
        row = _with_leverage(call, position)
        for name in (*left_out, "adlQuantile"):
            del row[name]
        name = "notionalValue" if call.kind == "inverse" else "notional"
        rows.append({**row, name: eight(_notional(call, position))})
    return rows


def symbol_config(call: Call) -> Result:
    return [
        {
            "symbol": symbol_of(market),
            "marginType": "CROSSED",
            "isAutoAddMargin": False,
            "leverage": int(market.leverage),
            "maxNotionalValue": "1000000",
        }
        for market in _markets(call)
    ]


def leverage_bracket(call: Call) -> Result:
    inverse = call.kind == "inverse"
    unit = "qty" if inverse else "notional"
    bracket = {
        "bracket": 1,
        "initialLeverage": 100,
        f"{unit}Cap": 1_000_000,
        f"{unit}Floor": 0,
        "maintMarginRatio": float(_MAINTENANCE),
        "cum": 0.0,
    }
    rows = [{"symbol": symbol_of(market), "brackets": [bracket]} for market in _markets(call)]
    return rows[0] if call.text("symbol") and not inverse else rows


def positions(call: Call) -> list[Position]:
    """One position per market, including flat ones."""
    held = {position.market.name: position for position in call.world.open_positions(call.now)}
    return [
        held.get(market.name) or Position(market, ZERO, ZERO, ZERO, ZERO, 0, 0)
        for market in _markets(call)
    ]


def in_account(call: Call, position: Position) -> dict[str, Any]:
    market = position.market
    margin = eight(call.world.position_margin(position, call.now))
    name = "notionalValue" if market.kind == "inverse" else "notional"
    return {
        "symbol": symbol_of(market),
        "initialMargin": margin,
        "maintMargin": eight(maintenance(call, position)),
        "unrealizedProfit": eight(profit(call, position)),
        "positionInitialMargin": margin,
        "openOrderInitialMargin": "0",
        "leverage": str(market.leverage),
        "isolated": False,
        "entryPrice": _entry(position),
        "breakEvenPrice": _entry(position),
        "maxNotional": "1000000",
        "positionSide": "BOTH",
        "positionAmt": _amount(position),
        name: eight(_notional(call, position)),
        "isolatedMargin": "0",
        "isolatedWallet": "0",
        "updateTime": position.updated_at,
    }


def profit(call: Call, position: Position) -> Decimal:
    if not position.size:
        return ZERO
    return position.profit(call.world.prices.mark(position.market, call.now))


def maintenance(call: Call, position: Position) -> Decimal:
    return nearest(abs(_notional(call, position)) * _MAINTENANCE)


# -- internals ---------------------------------------------------------------------------------


def _markets(call: Call) -> list[Market]:
    one = call.listed_market()
    return [one] if one else call.world.catalogue.listed(call.kind, call.now)


def _asked_for(call: Call) -> list[Position]:
    pair, asset = call.text("pair"), call.text("marginAsset")
    return [
        position
        for position in positions(call)
        if (not pair or pair_of(position.market) == pair)
        and (not asset or position.market.settle == asset)
    ]


def _risk(call: Call, position: Position) -> dict[str, Any]:
    market = position.market
    liquidation = call.world.liquidation_price(position) if position.size else None
    # COIN-M's page has no such field
    value = {} if market.kind == "inverse" else {"notional": eight(_notional(call, position))}
    return {
        "symbol": symbol_of(market),
        "positionSide": "BOTH",
        "positionAmt": _amount(position),
        "entryPrice": _entry(position),
        "breakEvenPrice": _entry(position),
        "markPrice": eight(call.world.prices.mark(market, call.now)),
        "unRealizedProfit": eight(profit(call, position)),
        "liquidationPrice": "0" if liquidation is None else price_of(market, liquidation),
        "isolatedMargin": "0",
        **value,
        "isolatedWallet": "0",
        "updateTime": position.updated_at,
    }


def _with_leverage(call: Call, position: Position) -> dict[str, Any]:
    most = "maxQty" if call.kind == "inverse" else "maxNotionalValue"
    return _risk(call, position) | {
        "leverage": str(position.market.leverage),
        most: "1000000",
        "marginType": "cross",
        "isAutoAddMargin": "false",
        "isolated": False,
        "adlQuantile": 2,
    }


def _notional(call: Call, position: Position) -> Decimal:
    """At the mark price, negative for short positions; in coins on COIN-M."""
    value = position.value(call.world.prices.mark(position.market, call.now))
    return -value if position.size < 0 else value


def _amount(position: Position) -> str:
    market = position.market
    return on_grid(contracts(market, position.size), contracts(market, market.step))


def _entry(position: Position) -> str:
    """Entry prices have eight decimals; a flat position's is "0.0"."""
    return eight(position.entry_price) if position.size else "0.0"
