"""Public market data (documentation: "Get Instruments Info", "Get Tickers", "Get Bybit Server
Time", "Get Funding Rate History", "Get Kline")."""

from decimal import Decimal
from typing import Any

from exchange_simulator.bybit.answers import Refused
from exchange_simulator.bybit.call import Call, Result
from exchange_simulator.bybit.symbols import symbol_of
from exchange_simulator.candles import Candle, candles
from exchange_simulator.markets import DAY, FUNDING_PERIOD, HOUR, OPTION_LIFE, Market
from exchange_simulator.money import plain
from exchange_simulator.world import World

_LAUNCHED = "1585526400000"


def time(call: Call) -> Result:
    return {"timeSecond": str(call.now // 1000), "timeNano": str(call.now * 1_000_000)}


def instruments_info(call: Call) -> Result:
    category = call.category()
    symbol, base = call.text("symbol"), call.text("baseCoin")
    status = call.text("status") or "Trading"
    if category == "option" and not symbol:
        base = base or "BTC"
    markets = [
        (symbol_of(market), market)
        for market in call.exchange.world.catalogue.listed(category, call.now)
        if (not base or market.base == base) and status == "Trading"
    ]
    if symbol:
        markets = [pair for pair in markets if pair[0] == symbol]
        if not markets:
            raise Refused(10001, f"params error: symbol invalid {symbol}")
    rows = [_instrument(name, market) for name, market in markets]
    if category == "spot":
        # spot has a single page
        return {"category": category, "list": rows}
    numbered = [(len(rows) - place, row) for place, row in enumerate(rows)]
    page, cursor = call.page(numbered, call.limit(500, 1000))
    return {"category": category, "list": page, "nextPageCursor": cursor}


def tickers(call: Call) -> Result:
    category = call.category()
    symbol, base = call.text("symbol"), call.text("baseCoin")
    if category == "option" and not symbol and not base:
        raise Refused(10001, "params error: symbol or baseCoin is required")
    world = call.exchange.world
    rows = [
        _ticker(world, market, call.now)
        for market in world.catalogue.listed(category, call.now)
        if (not symbol or symbol_of(market) == symbol)
        and (category != "option" or not base or market.base == base)
    ]
    if symbol and not rows:
        raise Refused(10001, f"params error: symbol invalid {symbol}")
    return {"category": category, "list": rows}


def funding_history(call: Call) -> Result:
    category = call.category("linear", "inverse")
    symbol = call.required("symbol")
    world = call.exchange.world
    for market in world.catalogue.listed(category, call.now):
        if symbol_of(market) == symbol:
            break
    else:
        raise Refused(10001, f"params error: symbol invalid {symbol}")
    end = min(call.integer("endTime") or call.now, call.now)
    start = call.integer("startTime") or 0
    times = range(end - end % FUNDING_PERIOD, start - 1, -FUNDING_PERIOD)
    return {
        "category": category,
        "list": [
            {
                "symbol": symbol,
                "fundingRate": plain(world.prices.funding_rate(market, at)),
                "fundingRateTimestamp": str(at),
            }
            for at in times[: call.limit(200, 200)]
        ],
    }


def kline(call: Call) -> Result:
    """The candles of days, newest first; those of other intervals are not simulated."""
    category = call.category("spot", "linear", "inverse") if call.text("category") else "linear"
    symbol = call.required("symbol")
    if call.required("interval") != "D":
        raise Refused(10001, "params error: interval is not simulated")
    for market in call.exchange.world.catalogue.listed(category, call.now):
        if symbol_of(market) == symbol:
            break
    else:
        raise Refused(10001, f"params error: symbol invalid {symbol}")
    start, end = call.integer("start") or 0, call.integer("end") or call.now
    found = list(candles(call.exchange.world, market, start, end, call.now))
    newest_first = found[::-1][: call.limit(200, 1000)]
    return {
        "category": category,
        "symbol": symbol,
        "list": [_kline(candle) for candle in newest_first],
    }


def _kline(candle: Candle) -> list[str]:
    prices = (candle.open, candle.high, candle.low, candle.close)
    amounts = (candle.volume, candle.turnover)
    return [str(candle.opened_at), *(plain(value) for value in (*prices, *amounts))]


def _instrument(name: str, market: Market) -> dict[str, Any]:
    tick, step = plain(market.tick), plain(market.step)
    if market.kind == "spot":
        return {
            "symbol": name,
            "baseCoin": market.base,
            "quoteCoin": market.quote,
            "innovation": "0",
            "status": "Trading",
            "marginTrading": "utaOnly",
            "stTag": "0",
            "lotSizeFilter": {
                "basePrecision": step,
                "quotePrecision": "0.00000001",
                "minOrderQty": plain(market.minimum),
                "maxOrderQty": "1000000",
                "minOrderAmt": "1",
                "maxOrderAmt": "4000000",
            },
            "priceFilter": {"tickSize": tick},
            "riskParameters": {"priceLimitRatioX": "0.01", "priceLimitRatioY": "0.02"},
        }
    if market.kind == "option":
        return {
            "symbol": name,
            "status": "Trading",
            "baseCoin": market.base,
            "quoteCoin": market.quote,
            "settleCoin": market.settle,
            "optionsType": "Call" if market.right == "C" else "Put",
            "launchTime": str(market.expiry - OPTION_LIFE),
            "deliveryTime": str(market.expiry),
            "deliveryFeeRate": "0.00015",
            "priceFilter": {"minPrice": "5", "maxPrice": "1110000", "tickSize": tick},
            "lotSizeFilter": {
                "maxOrderQty": "500",
                "minOrderQty": plain(market.minimum),
                "qtyStep": step,
            },
            "displayName": name,
        }
    return {
        "symbol": name,
        "contractType": "InversePerpetual" if market.kind == "inverse" else "LinearPerpetual",
        "status": "Trading",
        "baseCoin": market.base,
        "quoteCoin": market.quote,
        "launchTime": _LAUNCHED,
        "deliveryTime": "0",
        "deliveryFeeRate": "",
        "priceScale": str(-int(market.tick.as_tuple().exponent)),
        "leverageFilter": {"minLeverage": "1", "maxLeverage": "100.00", "leverageStep": "0.01"},
        "priceFilter": {"minPrice": tick, "maxPrice": "1999999.8", "tickSize": tick},
        "lotSizeFilter": {
            "maxOrderQty": "1000000",
            "minOrderQty": plain(market.minimum),
            "qtyStep": step,
            "postOnlyMaxOrderQty": "1000000",
            "maxMktOrderQty": "500000",
            "minNotionalValue": "5",
        },
        "unifiedMarginTrade": True,
        "fundingInterval": FUNDING_PERIOD // 60_000,
        "settleCoin": market.settle,
        "copyTrading": "none",
        "upperFundingRate": "0.00375",
        "lowerFundingRate": "-0.00375",
        "isPreListing": False,
        "preListingInfo": None,
        "riskParameters": {"priceLimitRatioX": "0.01", "priceLimitRatioY": "0.02"},
        "displayName": "",
    }


def _ticker(world: World, market: Market, now: int) -> dict[str, Any]:
    prices = world.prices
    last = prices.last(market, now)
    row: dict[str, Any] = {
        "symbol": symbol_of(market),
        "bid1Price": plain(prices.bid(market, now)),
        "bid1Size": "2",
        "ask1Price": plain(prices.ask(market, now)),
        "ask1Size": "1.862172",
        "lastPrice": plain(last),
    }
    if market.kind == "option":
        # greeks and implied volatilities are left blank; the trader does not use them
        blank = ("bid1Iv", "ask1Iv", "markIv", "delta", "gamma", "vega", "theta")
        return {
            **row,
            **dict.fromkeys(blank, "0"),
            "highPrice24h": plain(last),
            "lowPrice24h": plain(last),
            "markPrice": plain(prices.mark(market, now)),
            "indexPrice": plain(prices.index(market.base, now)),
            "underlyingPrice": plain(prices.index(market.base, now)),
            "openInterest": "6.3",
            "turnover24h": "2482.73",
            "volume24h": "0.15",
            "totalVolume": "99",
            "totalTurnover": "1967653",
            "predictedDeliveryPrice": "0",
            "change24h": "0",
        }
    yesterday = prices.last(market, now - DAY)
    change = ((last - yesterday) / yesterday).quantize(Decimal("0.000001"))
    row |= {
        "prevPrice24h": plain(yesterday),
        "price24hPcnt": plain(change),
        "highPrice24h": plain(max(last, yesterday)),
        "lowPrice24h": plain(min(last, yesterday)),
        "turnover24h": "243765620.65",
        "volume24h": "11801.27",
    }
    if market.kind == "spot":
        if market.quote in {"USDT", "USDC"}:
            row["usdIndexPrice"] = plain(prices.index(market.base, now))
        return row
    next_funding = (now // FUNDING_PERIOD + 1) * FUNDING_PERIOD
    return {
        **row,
        "indexPrice": plain(prices.index(market.base, now)),
        "markPrice": plain(prices.mark(market, now)),
        "prevPrice1h": plain(prices.last(market, now - HOUR)),
        "openInterest": "373504107",
        "openInterestValue": "22505.67",
        "fundingRate": plain(prices.funding_rate(market, next_funding)),
        "nextFundingTime": str(next_funding),
        "predictedDeliveryPrice": "",
        "basisRate": "",
        "deliveryFeeRate": "",
        "deliveryTime": "0",
        "preOpenPrice": "",
        "preQty": "",
        "curPreListingPhase": "",
        "basis": "",
    }
