"""Fills and exercises of European options, and the contracts that are listed (documentation,
Options, 2026-08-21: "Account Trade List", "User Exercise Record", "Exchange Information"). The
numbers of rows are those of developers.binance.com/docs/derivatives/option, undated.

The pages document neither the order of rows nor how long they are served: the oldest come first,
and those of three months are served, as those of the funding flow. What is exercised is no fill.
"""

from typing import Any

from exchange_simulator.binance import numbers
from exchange_simulator.binance.answers import Refused
from exchange_simulator.binance.call import Call, Result
from exchange_simulator.binance.figures import eight, places
from exchange_simulator.binance.names import exercise_id, order_id, trade_id
from exchange_simulator.binance.pages import Window, newest, oldest
from exchange_simulator.binance.retention import THREE_MONTHS
from exchange_simulator.binance.symbols import pair_of, symbol_of
from exchange_simulator.markets import Market
from exchange_simulator.money import plain
from exchange_simulator.records import Fill

_UNIT = 1
"""The coins that a contract is about."""


def fills(call: Call) -> Result:
    """Of one contract: with an id, those from it on; with times, those of the window; otherwise the
    newest."""
    market, limit, first = _contract(call), call.limit(100, 1000), call.integer("fromId")
    timeline = call.world.account.fills_of[market.name]
    window = _window(call)
    if first is not None:
        index = numbers.index_from(call.world.seed, numbers.OPTION_TRADES, first)
        found = oldest(call, timeline, window, limit, _is_traded, index)
    elif call.text("startTime") or call.text("endTime"):
        found = oldest(call, timeline, window, limit, _is_traded)
    else:
        found = newest(call, timeline, window, limit, _is_traded)
    return [_fill(call, fill) for fill in found]


def exercises(call: Call) -> Result:
    """Of one contract, or of all of them; also what expired without a value."""
    asked, limit = call.text("symbol"), call.limit(1000, 1000)

    def keep(fill: Fill) -> bool:
        return _is_exercise(fill) and asked in ("", symbol_of(fill.order.market))

    found = oldest(call, call.world.account.fills, _window(call), limit, keep)
    return [_exercise(call, fill) for fill in found]


def exchange_info(call: Call) -> Result:
    return {
        "timezone": "UTC",
        "serverTime": call.now,
        "optionContracts": [
            {
                "baseAsset": coin,
                "quoteAsset": "USDT",
                "underlying": f"{coin}USDT",
                "settleAsset": "USDT",
            }
            for coin in call.world.catalogue.option_coins
        ],
        "optionAssets": [{"name": "USDT"}],
        "optionSymbols": [_listed(market) for market in _contracts(call)],
        "rateLimits": [],
    }


# -- internals ---------------------------------------------------------------------------------


def _contract(call: Call) -> Market:
    """The contract of the mandatory symbol, among those listed and those ever traded."""
    symbol, world = call.required("symbol"), call.world
    traded = [rows[0].order.market for t in world.account.fills_of.values() if (rows := t.rows)]
    for market in (*traded, *_contracts(call)):
        if market.kind == "option" and symbol_of(market) == symbol:
            return market
    raise Refused(-1121)


def _contracts(call: Call) -> list[Market]:
    return call.world.catalogue.listed("option", call.now)


def _window(call: Call) -> Window:
    start, end = call.integer("startTime") or 0, call.integer("endTime")
    end = call.now if end is None else end
    if start > end:
        raise Refused(-1023, "Start time is greater than end time.")
    return Window(max(start, call.now - THREE_MONTHS), end)


def _is_traded(fill: Fill) -> bool:
    return fill.kind != "settlement"


def _is_exercise(fill: Fill) -> bool:
    return fill.order.market.kind == "option" and not _is_traded(fill)


def _fill(call: Call, fill: Fill) -> dict[str, Any]:
    order, market = fill.order, fill.order.market
    return {
        "id": int(trade_id(call.world, fill)),
        "tradeId": 1 + fill.number,
        "orderId": int(order_id(call.world, order)),
        "symbol": symbol_of(market),
        "price": plain(fill.price),
        "quantity": plain(fill.amount),
        "fee": eight(-fill.fee),
        "realizedProfit": eight(fill.profit),
        "side": order.side.upper(),
        "type": "LIMIT",
        "liquidity": "MAKER" if fill.maker else "TAKER",
        "time": fill.happened_at,
        **_of_contract(market),
    }


def _exercise(call: Call, fill: Fill) -> dict[str, Any]:
    """Signs are not documented: those of the fills' fee, and of what the account receives."""
    market, received = fill.order.market, fill.order.side == "sell"
    return {
        "id": exercise_id(fill),
        "currency": market.settle,
        "symbol": symbol_of(market),
        "exercisePrice": eight(market.strike),
        "quantity": eight(fill.amount),
        "amount": eight(fill.cost if received else -fill.cost),
        "fee": eight(-fill.fee),
        "createDate": fill.happened_at,
        **_of_contract(market),
        "positionSide": "LONG" if received else "SHORT",
    }


def _of_contract(market: Market) -> dict[str, Any]:
    return {
        "priceScale": places(market.tick),
        "quantityScale": places(market.step),
        "optionSide": "CALL" if market.right == "C" else "PUT",
        "quoteAsset": market.quote,
    }


def _listed(market: Market) -> dict[str, Any]:
    return {
        "expiryDate": market.expiry,
        "filters": [],
        "symbol": symbol_of(market),
        "side": "CALL" if market.right == "C" else "PUT",
        "strikePrice": plain(market.strike),
        "underlying": pair_of(market),
        "unit": _UNIT,
        "liquidationFeeRate": "0.0019000",
        "minQty": plain(market.minimum),
        "maxQty": "10000",
        "initialMargin": "0.15000000",
        "maintenanceMargin": "0.07500000",
        "minInitialMargin": "0.10000000",
        "minMaintenanceMargin": "0.05000000",
        "priceScale": places(market.tick),
        "quantityScale": places(market.step),
        "quoteAsset": market.quote,
        "status": "TRADING",
    }
