"""Public market data of spot (documentation: "General endpoints", "Market Data endpoints")."""

import json
from decimal import Decimal
from typing import Any

from exchange_simulator.binance.answers import Refused, invalid
from exchange_simulator.binance.call import Call, Result
from exchange_simulator.binance.figures import eight
from exchange_simulator.binance.limits import SPOT
from exchange_simulator.binance.symbols import symbol_of
from exchange_simulator.candles import TRADES, candles
from exchange_simulator.markets import DAY, Market
from exchange_simulator.pseudorandom import mix
from exchange_simulator.world import World

_TAKER_VOLUME = Decimal("14741.41491")


def ping(call: Call) -> Result:
    return {}


def time(call: Call) -> Result:
    return {"serverTime": call.now}


def exchange_info(call: Call) -> Result:
    call.text("permissions")
    call.text("showPermissionSets")
    return {
        "timezone": "UTC",
        "serverTime": call.now,
        "rateLimits": [
            {
                "rateLimitType": "REQUEST_WEIGHT",
                "interval": "MINUTE",
                "intervalNum": 1,
                "limit": SPOT.limit,
            },
            {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 100},
            {"rateLimitType": "ORDERS", "interval": "DAY", "intervalNum": 1, "limit": 200_000},
        ],
        "exchangeFilters": [],
        "symbols": [_symbol(market) for market in wanted(call)],
    }


def ticker_24hr(call: Call) -> Result:
    call.text("type")
    return _one_or_all(call, [ticker(call.world, m, call.now, eight) for m in wanted(call)])


def ticker_price(call: Call) -> Result:
    prices = call.world.prices
    return _one_or_all(
        call,
        [{"symbol": symbol_of(m), "price": eight(prices.last(m, call.now))} for m in wanted(call)],
    )


def book_ticker(call: Call) -> Result:
    prices = call.world.prices
    return _one_or_all(
        call,
        [
            {
                "symbol": symbol_of(market),
                "bidPrice": eight(prices.bid(market, call.now)),
                "bidQty": "2.00000000",
                "askPrice": eight(prices.ask(market, call.now)),
                "askQty": "1.86217200",
            }
            for market in wanted(call)
        ],
    )


def klines(call: Call) -> Result:
    """The candles of days, oldest first; those of other intervals are not simulated."""
    market = call.market()
    if call.required("interval") != "1d":
        raise Refused(-1120)
    start, end, most = call.integer("startTime"), call.integer("endTime"), call.capped(500, 1000)
    last = call.now if end is None else end
    found = list(candles(call.world, market, start or 0, last, call.now))
    return [
        [
            candle.opened_at,
            *(eight(price) for price in (candle.open, candle.high, candle.low, candle.close)),
            eight(candle.volume),
            candle.opened_at + DAY - 1,
            eight(candle.turnover),
            TRADES,
            eight(candle.volume / 2),
            eight(candle.turnover / 2),
            "0",
        ]
        for candle in (found[-most:] if start is None else found[:most])
    ]


def wanted(call: Call) -> list[Market]:
    """The listed markets selected by `symbol` or `symbols` (a JSON array), default all."""
    one, some = call.listed_market(), call.text("symbols")
    listed = call.world.catalogue.listed(call.kind, call.now)
    if one is not None and some:
        raise Refused(-1128)
    if one is not None:
        return [one]
    if not some:
        return listed
    try:
        names = json.loads(some)
    except ValueError:
        raise invalid("symbols") from None
    by_symbol = {symbol_of(market): market for market in listed}
    if not isinstance(names, list) or not names:
        raise invalid("symbols")
    if any(name not in by_symbol for name in names):
        raise Refused(-1121)
    return [by_symbol[name] for name in names]


def ticker(world: World, market: Market, now: int, written: Any) -> dict[str, Any]:
    """Common fields of the daily statistics of spot and futures; `written` formats prices."""
    last, opened = world.prices.last(market, now), world.prices.last(market, now - DAY)
    average = (last + opened) / 2
    first = mix(market.weight, *market.name.encode()) % 10**9
    row = {
        "symbol": symbol_of(market),
        "priceChange": written(last - opened),
        "priceChangePercent": format((last - opened) / opened * 100, ".3f"),
        "weightedAvgPrice": written(average),
        "lastPrice": written(last),
        "lastQty": "0.00731000",
        "openPrice": written(opened),
        "highPrice": written(max(last, opened)),
        "lowPrice": written(min(last, opened)),
        "volume": eight(_TAKER_VOLUME),
        "quoteVolume": eight(_TAKER_VOLUME * average),
        "openTime": now - DAY,
        "closeTime": now,
        "firstId": first,
        "lastId": first + 1_933_311,
        "count": 1_933_312,
    }
    if market.kind == "spot":
        row |= {
            "prevClosePrice": written(opened),
            "bidPrice": written(world.prices.bid(market, now)),
            "bidQty": "2.00000000",
            "askPrice": written(world.prices.ask(market, now)),
            "askQty": "1.86217200",
        }
    return row


def _one_or_all(call: Call, rows: list[dict[str, Any]]) -> Result:
    return rows[0] if call.text("symbol") else rows


def _symbol(market: Market) -> dict[str, Any]:
    return {
        "symbol": symbol_of(market),
        "status": "TRADING",
        "baseAsset": market.base,
        "baseAssetPrecision": 8,
        "quoteAsset": market.quote,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "baseCommissionPrecision": 8,
        "quoteCommissionPrecision": 8,
        "orderTypes": ["LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS_LIMIT", "TAKE_PROFIT_LIMIT"],
        "icebergAllowed": True,
        "ocoAllowed": True,
        "otoAllowed": True,
        "quoteOrderQtyMarketAllowed": True,
        "allowTrailingStop": True,
        "cancelReplaceAllowed": True,
        "amendAllowed": True,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": True,
        "filters": [
            {
                "filterType": "PRICE_FILTER",
                "minPrice": eight(market.tick),
                "maxPrice": "1000000.00000000",
                "tickSize": eight(market.tick),
            },
            {
                "filterType": "LOT_SIZE",
                "minQty": eight(market.minimum),
                "maxQty": "9000.00000000",
                "stepSize": eight(market.step),
            },
            {
                "filterType": "MARKET_LOT_SIZE",
                "minQty": "0.00000000",
                "maxQty": "9000.00000000",
                "stepSize": "0.00000000",
            },
            {
                "filterType": "NOTIONAL",
                "minNotional": "5.00000000",
                "applyMinToMarket": True,
                "maxNotional": "9000000.00000000",
                "applyMaxToMarket": False,
                "avgPriceMins": 5,
            },
            {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": 200},
        ],
        "permissions": [],
        "permissionSets": [["SPOT", "MARGIN"]],
        "defaultSelfTradePreventionMode": "EXPIRE_MAKER",
        "allowedSelfTradePreventionModes": [
            "EXPIRE_TAKER",
            "EXPIRE_MAKER",
            "EXPIRE_BOTH",
            "DECREMENT",
        ],
    }
