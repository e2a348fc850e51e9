"""Public data (documentation: "Get system time", "Get instruments", "Get mark price", "Get funding
rate", "Get funding rate history", "Get tickers", "Get ticker", "Get candlesticks history")."""

from itertools import islice
from typing import Any

from exchange_simulator.candles import candles
from exchange_simulator.markets import DAY, FUNDING_PERIOD, Market
from exchange_simulator.money import plain
from exchange_simulator.okx import names
from exchange_simulator.okx.answers import Refused
from exchange_simulator.okx.call import Call, Data
from exchange_simulator.okx.instruments import (
    INST_TYPES,
    inst_id,
    inst_type,
    listed,
)
from exchange_simulator.world import World

_LISTED = "1548133413000"
_RATES_RETENTION = 90 * DAY
_MOST_RATES = 400
_MOST_CANDLES = 300
_CANDLES = 100
"""Of an answer whose request does not say how many."""


def time(call: Call) -> Data:
    return [{"ts": str(call.now)}]


def instruments(call: Call) -> Data:
    type, asked_for = call.inst_type(required=True), call.named()
    if type == "OPTION" and not (call.text("uly") or call.text("instFamily")):
        raise Refused(50015, "uly or instFamily")
    return [
        _instrument(market, type, place)
        for place, market in enumerate(listed(call.world, type, call.now))
        if asked_for(market)
    ] or _none(call)


def tickers(call: Call) -> Data:
    type, asked_for = call.inst_type(required=True), call.named()
    return [
        _ticker(call.world, market, call.now)
        for market in listed(call.world, type, call.now)
        if type != "MARGIN" and asked_for(market)
    ]


def ticker(call: Call) -> Data:
    return [_ticker(call.world, _named(call), call.now)]


def history_candles(call: Call) -> Data:
    """The candles of days in UTC, newest first; those of other bars are not simulated. `after` and
    `before` are times when candles opened, and are excluded."""
    market, bar = _named(call), call.text("bar")
    if bar != "1Dutc":
        raise Refused(51000, "bar")
    after, before = call.integer("after"), call.integer("before")
    first = 0 if before is None else before + 1
    last = call.now if after is None else after - 1
    found = list(candles(call.world, market, first, last, call.now))
    most = call.limit(_MOST_CANDLES) if call.text("limit") else _CANDLES
    return [
        [
            str(candle.opened_at),
            *(plain(price) for price in (candle.open, candle.high, candle.low, candle.close)),
            plain(candle.volume),
            plain(candle.turnover),
            plain(candle.turnover),
            "1" if candle.is_over else "0",
        ]
        for candle in found[::-1][:most]
    ]


def mark_price(call: Call) -> Data:
    type, asked_for = call.inst_type(required=True), call.named()
    return [
        {
            "instType": type,
            "instId": inst_id(market),
            "markPx": plain(call.world.prices.mark(market, call.now)),
            "ts": str(call.now),
        }
        for market in listed(call.world, type, call.now)
        if type != "SPOT" and asked_for(market)
    ] or _none(call)


def funding_rate(call: Call) -> Data:
    everything = call.required("instId") == "ANY"
    swaps = list(listed(call.world, "SWAP", call.now)) if everything else [_swap(call)]
    due = (call.now // FUNDING_PERIOD + 1) * FUNDING_PERIOD
    return [
        {
            "formulaType": "noRate",
            "fundingRate": plain(call.world.prices.funding_rate(market, due)),
            "fundingTime": str(due),
            "impactValue": "",
            "instId": inst_id(market),
            "instType": "SWAP",
            "interestRate": "0.0001",
            "maxFundingRate": "0.00375",
            "method": "current_period",
            "minFundingRate": "-0.00375",
            "nextFundingRate": "",
            "nextFundingTime": str(due + FUNDING_PERIOD),
            "premium": "0",
            "settFundingRate": plain(call.world.prices.funding_rate(market, due - FUNDING_PERIOD)),
            "settState": "settled",
            "ts": str(call.now),
        }
        for market in swaps
    ]


def funding_rate_history(call: Call) -> Data:
    """Funding rates of the last three months; `after` and `before` are funding times."""
    market = _swap(call)
    after, before = call.integer("after"), call.integer("before")
    last = call.now if after is None else min(call.now, after - 1)
    first = max(call.now - _RATES_RETENTION, 0 if before is None else before + 1)
    times = range(last - last % FUNDING_PERIOD, first - 1, -FUNDING_PERIOD)
    rates = ((at, plain(call.world.prices.funding_rate(market, at))) for at in times)
    return [
        {
            "formulaType": "noRate",
            "fundingRate": rate,
            "fundingTime": str(at),
            "instId": inst_id(market),
            "instType": "SWAP",
            "method": "current_period",
            "realizedRate": rate,
        }
        for at, rate in islice(rates, call.limit(_MOST_RATES))
    ]


def _none(call: Call) -> Data:
    """Reject a requested instrument that does not exist; without one, return no rows."""
    if call.text("instId"):
        raise Refused(51001)
    return []


def _named(call: Call) -> Market:
    name = call.required("instId")
    for type in INST_TYPES:
        for market in listed(call.world, type, call.now):
            if inst_id(market) == name:
                return market
    raise Refused(51001)


def _swap(call: Call) -> Market:
    market = _named(call)
    if inst_type(market) != "SWAP":
        raise Refused(51000, "instId")
    return market


def _instrument(market: Market, type: str, place: int) -> dict[str, Any]:
    size = names.contract_size(market)
    lot = plain(names.contracts(market, market.step))
    row: dict[str, Any] = {
        "alias": "",
        "auctionEndTime": "",
        "baseCcy": market.base,
        "category": "1",
        "contTdSwTime": "",
        "ctMult": "",
        "ctType": "",
        "ctVal": "",
        "ctValCcy": "",
        "expTime": "",
        "futureSettlement": False,
        "groupId": "1",
        "instFamily": "",
        "instId": inst_id(market),
        "instIdCode": 10_000 + place,
        "instType": type,
        "lever": "10" if type == "MARGIN" else "",
        "listTime": _LISTED,
        "lotSz": lot,
        "maxIcebergSz": "9999999999",
        "maxLmtAmt": "20000000",
        "maxLmtSz": "9999999999",
        "maxMktAmt": "1000000",
        "maxMktSz": "1000000",
        "maxStopSz": "1000000",
        "maxTriggerSz": "9999999999",
        "maxTwapSz": "9999999999",
        "minSz": plain(names.contracts(market, market.minimum)),
        "openType": "",
        "optType": "",
        "preMktSwTime": "",
        "quoteCcy": market.quote,
        "ruleType": "normal",
        "settleCcy": "",
        "state": "live",
        "stk": "",
        "tickSz": plain(market.tick),
        "tradeQuoteCcyList": [market.quote],
        "uly": "",
    }
    if market.kind == "spot":
        return row
    family = f"{market.base}-{market.quote}"
    return row | {
        "baseCcy": "",
        "quoteCcy": "",
        "ctMult": "1",
        "ctType": market.kind,
        "ctVal": plain(size),
        "ctValCcy": "USD" if market.kind == "inverse" else market.base,
        "instFamily": family,
        "lever": "100",
        "settleCcy": market.settle,
        "tradeQuoteCcyList": [],
        "uly": family,
    }


def _ticker(world: World, market: Market, now: int) -> dict[str, Any]:
    prices = world.prices
    last, yesterday = prices.last(market, now), prices.last(market, now - DAY)
    day = now - now % DAY
    return {
        "instType": inst_type(market),
        "instId": inst_id(market),
        "last": plain(last),
        "lastSz": "0.5",
        "askPx": plain(prices.ask(market, now)),
        "askSz": "1.8",
        "bidPx": plain(prices.bid(market, now)),
        "bidSz": "2",
        "open24h": plain(yesterday),
        "high24h": plain(max(last, yesterday)),
        "low24h": plain(min(last, yesterday)),
        "volCcy24h": "11788.887619",
        "vol24h": "167493.829229",
        "ts": str(now),
        "sodUtc0": plain(prices.last(market, day)),
        "sodUtc8": plain(prices.last(market, day)),
    }
