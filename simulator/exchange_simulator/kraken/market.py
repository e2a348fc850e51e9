"""Public market data (documentation: "Get Server Time", "Get System Status", "Get Asset Info", "Get
Tradable Asset Pairs", "Get Ticker Information", "Get OHLC Data")."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from exchange_simulator.candles import TRADES, Candle, candles
from exchange_simulator.kraken.answers import (
    INVALID_ARGUMENTS,
    UNKNOWN_ASSET,
    UNKNOWN_PAIR,
    Refused,
)
from exchange_simulator.kraken.call import Call, Result
from exchange_simulator.kraken.numbers import fixed
from exchange_simulator.kraken.symbols import (
    BOOK_DECIMALS,
    asset_altname,
    asset_decimals,
    asset_id,
    is_called,
    pair_altname,
    pair_id,
    pair_wsname,
)
from exchange_simulator.markets import DAY, Market
from exchange_simulator.money import plain
from exchange_simulator.world import World

_DAY_IN_MINUTES = 1440
_ENTRIES = 720
_MONEY = ("USD", "EUR")


def server_time(call: Call) -> Result:
    moment = datetime.fromtimestamp(call.now // 1000, UTC)
    return {
        "unixtime": call.now // 1000,
        "rfc1123": moment.strftime("%a, %d %b %y %H:%M:%S +0000"),
    }


def system_status(call: Call) -> Result:
    moment = datetime.fromtimestamp(call.now // 1000, UTC)
    return {"status": "online", "timestamp": moment.strftime("%Y-%m-%dT%H:%M:%SZ")}


def assets(call: Call) -> Result:
    """Assets stay listed after their markets are delisted, so that holders can withdraw."""
    markets = call.exchange.world.catalogue.standing
    listed = {asset for market in _listed(call) for asset in (market.base, market.quote)}
    known = {asset for market in markets for asset in (market.base, market.quote)} | {*_MONEY}
    found = {
        asset_id(asset): {
            "aclass": "currency",
            "altname": asset_altname(asset),
            "decimals": asset_decimals(asset),
            "display_decimals": 5,
            "status": "enabled" if asset in listed or asset in _MONEY else "withdrawal_only",
        }
        for asset in sorted(known)
    }
    asked = [name for name in call.text("asset").split(",") if name]
    if not asked:
        return found
    chosen = {name: row for name, row in found.items() if name in asked or row["altname"] in asked}
    if len(chosen) < len(asked):
        raise Refused(UNKNOWN_ASSET)
    return chosen


def asset_pairs(call: Call) -> Result:
    return {pair_id(market): _pair(market) for market in _asked(call)}


def ticker(call: Call) -> Result:
    world = call.exchange.world
    return {pair_id(market): _ticker(world, market, call.now) for market in _asked(call)}


def ohlc(call: Call) -> Result:
    """The newest candles of days; those of other intervals are not simulated. The last one is
    always that of today, whatever `since` says."""
    markets, since = _asked(call), call.integer("since")
    if not call.text("pair") or call.integer("interval", 1) != _DAY_IN_MINUTES:
        raise Refused(INVALID_ARGUMENTS)
    [market] = markets[:1]
    now = call.now
    found = list(candles(call.exchange.world, market, now - _ENTRIES * DAY, now, now))[-_ENTRIES:]
    shown = [c for c in found[:-1] if c.opened_at > since * 1000] + found[-1:]
    last = shown[-2].opened_at if len(shown) > 1 else 0
    return {pair_id(market): [_ohlc(market, c) for c in shown], "last": last // 1000}


def _ohlc(market: Market, candle: Candle) -> list[Any]:
    prices = (candle.open, candle.high, candle.low, candle.close, candle.close)
    return [
        candle.opened_at // 1000,
        *(_price(market, price) for price in prices),
        plain(candle.volume),
        TRADES,
    ]


def _listed(call: Call) -> list[Market]:
    return call.exchange.world.catalogue.listed("spot", call.now)


def _asked(call: Call) -> list[Market]:
    """The listed markets, or those of the parameter `pair`, by any of their names."""
    listed = _listed(call)
    asked = [name for name in call.text("pair").split(",") if name]
    found = []
    for name in asked:
        market = next((market for market in listed if is_called(market, name)), None)
        if market is None:
            raise Refused(UNKNOWN_PAIR)
        found.append(market)
    return found if asked else listed


def _pair(market: Market) -> dict[str, Any]:
    return {
        "altname": pair_altname(market),
        "wsname": pair_wsname(market),
        "aclass_base": "currency",
        "base": asset_id(market.base),
        "aclass_quote": "currency",
        "quote": asset_id(market.quote),
        "lot": "unit",
        "cost_decimals": BOOK_DECIMALS,
        "pair_decimals": -int(market.tick.as_tuple().exponent),
        "lot_decimals": 8,
        "lot_multiplier": 1,
        "leverage_buy": [2, 3, 4, 5],
        "leverage_sell": [2, 3, 4, 5],
        "fees": [[0, _per_cent(market.taker)]],
        "fees_maker": [[0, _per_cent(market.maker)]],
        "fee_volume_currency": "ZUSD",
        "margin_call": 80,
        "margin_stop": 40,
        "ordermin": plain(market.minimum),
        "costmin": "0.5",
        "tick_size": plain(market.tick),
        "status": "online",
    }


def _per_cent(rate: Decimal) -> float:
    return float(rate * 100)


def _ticker(world: World, market: Market, now: int) -> dict[str, Any]:
    prices = world.prices
    last, opening = prices.last(market, now), prices.last(market, now - now % DAY)
    yesterday = prices.last(market, now - DAY)
    lows = (min(last, opening), min(last, opening, yesterday))
    highs = (max(last, opening), max(last, opening, yesterday))
    return {
        "a": [_price(market, prices.ask(market, now)), "1", "1.000"],
        "b": [_price(market, prices.bid(market, now)), "2", "2.000"],
        "c": [_price(market, last), "0.04408910"],
        "v": ["4147.94474901", "8896.96086304"],
        "p": [_price(market, last), _price(market, last)],
        "t": [3907, 10056],
        "l": [_price(market, low) for low in lows],
        "h": [_price(market, high) for high in highs],
        "o": _price(market, opening),
    }


def _price(market: Market, price: Decimal) -> str:
    return fixed(price, -int(market.tick.as_tuple().exponent))
