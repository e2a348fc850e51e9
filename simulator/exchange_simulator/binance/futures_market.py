"""Public market data of USD-M and COIN-M futures (documentation: "Exchange Information", "24hr
Ticker Price Change Statistics", "Symbol Price Ticker", "Symbol Order Book Ticker", "Mark Price",
"Get Funding Rate History", "Get Funding Rate Info")."""

from decimal import Decimal
from typing import Any

from exchange_simulator.binance.answers import Refused
from exchange_simulator.binance.call import Call, Result
from exchange_simulator.binance.figures import eight, on_grid, places, price_of
from exchange_simulator.binance.limits import FUTURES
from exchange_simulator.binance.market import ticker
from exchange_simulator.binance.symbols import (
    contract_size,
    contracts,
    pair_of,
    symbol_of,
)
from exchange_simulator.markets import FUNDING_PERIOD, Market

_NEVER = 4_133_404_800_000
_ONBOARDED = 1_569_398_400_000


def exchange_info(call: Call) -> Result:
    return {
        "timezone": "UTC",
        "serverTime": call.now,
        "futuresType": "COIN_MARGINED" if call.kind == "inverse" else "U_MARGINED",
        "rateLimits": [
            {
                "rateLimitType": "REQUEST_WEIGHT",
                "interval": "MINUTE",
                "intervalNum": 1,
                "limit": FUTURES.limit,
            },
            {"rateLimitType": "ORDERS", "interval": "MINUTE", "intervalNum": 1, "limit": 1200},
            {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 300},
        ],
        "exchangeFilters": [],
        "assets": [
            {"asset": asset, "marginAvailable": True, "autoAssetExchange": "0"}
            for asset in sorted(
                {m.settle for m in call.world.catalogue.listed(call.kind, call.now)}
            )
        ],
        "symbols": [_symbol(m) for m in call.world.catalogue.listed(call.kind, call.now)],
    }


def ticker_24hr(call: Call) -> Result:
    rows = []
    for market in _wanted(call):
        row = ticker(call.world, market, call.now, lambda price, m=market: price_of(m, price))
        if market.kind == "inverse":
            # volume is counted in contracts; what spot calls volume is `baseVolume` here
            row |= {"pair": pair_of(market), "baseVolume": row["volume"], "volume": "81990451"}
            del row["quoteVolume"]
        rows.append(row)
    return _answer(call, rows)


def ticker_price(call: Call) -> Result:
    prices, rows = call.world.prices, []
    for market in _wanted(call):
        price = price_of(market, prices.last(market, call.now))
        rows.append(_named(market) | {"price": price, "time": call.now})
    return _answer(call, rows)


def book_ticker(call: Call) -> Result:
    prices = call.world.prices
    rows = [
        _named(market)
        | {
            "bidPrice": price_of(market, prices.bid(market, call.now)),
            "bidQty": "33.592",
            "askPrice": price_of(market, prices.ask(market, call.now)),
            "askQty": "1.427",
            "time": call.now,
        }
        for market in _wanted(call)
    ]
    return _answer(call, rows)


def premium_index(call: Call) -> Result:
    prices = call.world.prices
    upcoming = (call.now // FUNDING_PERIOD + 1) * FUNDING_PERIOD
    rows = [
        _named(market)
        | {
            "markPrice": eight(prices.mark(market, call.now)),
            "indexPrice": eight(prices.index(market.base, call.now)),
            "estimatedSettlePrice": eight(prices.index(market.base, call.now)),
            "lastFundingRate": eight(prices.funding_rate(market, upcoming)),
            "interestRate": "0.00010000",
            "nextFundingTime": upcoming,
            "time": call.now,
        }
        for market in _wanted(call)
    ]
    return _answer(call, rows)


def funding_rate(call: Call) -> Result:
    """From `startTime` the oldest, without it the newest; ascending."""
    markets = _wanted(call)
    limit = call.limit(100, 1000)
    start, end = call.integer("startTime"), min(call.integer("endTime") or call.now, call.now)
    first = -(-(start or 0) // FUNDING_PERIOD) * FUNDING_PERIOD
    times = range(first, end + 1, FUNDING_PERIOD)
    times = times[:limit] if start is not None else times[-limit:]
    return [
        {
            "symbol": symbol_of(market),
            "fundingRate": eight(call.world.prices.funding_rate(market, at)),
            "fundingTime": at,
            "markPrice": eight(call.world.prices.mark(market, at)),
        }
        for at in times
        for market in markets
    ][:limit]


def funding_info(call: Call) -> Result:
    return [
        {
            "symbol": symbol_of(market),
            "adjustedFundingRateCap": "0.02000000",
            "adjustedFundingRateFloor": "-0.02000000",
            "fundingIntervalHours": FUNDING_PERIOD // 3_600_000,
            "disclaimer": False,
        }
        for market in call.world.catalogue.listed(call.kind, call.now)
    ]


def _wanted(call: Call) -> list[Market]:
    one, pair = call.listed_market(), call.text("pair") if call.kind == "inverse" else ""
    if one is not None:
        return [one]
    listed = call.world.catalogue.listed(call.kind, call.now)
    found = [market for market in listed if not pair or pair_of(market) == pair]
    if not found:
        raise Refused(-4144)
    return found


def _answer(call: Call, rows: list[dict[str, Any]]) -> Result:
    """COIN-M always returns a list, even for a single symbol."""
    return rows[0] if call.text("symbol") and call.kind == "linear" else rows


def _named(market: Market) -> dict[str, Any]:
    name = {"symbol": symbol_of(market)}
    return name | {"pair": pair_of(market)} if market.kind == "inverse" else name


def _symbol(market: Market) -> dict[str, Any]:
    inverse = market.kind == "inverse"
    step, least = contracts(market, market.step), contracts(market, market.minimum)
    filters = _filters(market, step, least)
    row: dict[str, Any] = {
        "symbol": symbol_of(market),
        "pair": pair_of(market),
        "contractType": "PERPETUAL",
        "deliveryDate": _NEVER,
        "onboardDate": _ONBOARDED,
        "contractStatus" if inverse else "status": "TRADING",
        "maintMarginPercent": "2.5000",
        "requiredMarginPercent": "5.0000",
        "baseAsset": market.base,
        "quoteAsset": market.quote,
        "marginAsset": market.settle,
        "pricePrecision": places(market.tick),
        "quantityPrecision": places(step),
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "underlyingType": "COIN",
        "underlyingSubType": ["PoW"],
        "triggerProtect": "0.0500",
        "liquidationFee": "0.015000",
        "marketTakeBound": "0.05",
        "filters": filters,
        "orderTypes": ["LIMIT", "MARKET", "STOP", "STOP_MARKET", "TAKE_PROFIT"],
        "timeInForce": ["GTC", "IOC", "FOK", "GTX", "GTD"],
    }
    if inverse:
        row |= {"contractSize": int(contract_size(market)), "equalQtyPrecision": 4}
    else:
        row["filters"] = [*filters, {"filterType": "MIN_NOTIONAL", "notional": "5"}]
    return row


def _filters(market: Market, step: Decimal, least: Decimal) -> list[dict[str, Any]]:
    return [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": on_grid(market.tick, market.tick),
            "maxPrice": "4529764",
            "tickSize": on_grid(market.tick, market.tick),
        },
        *(
            {
                "filterType": kind,
                "minQty": on_grid(least, step),
                "maxQty": "1000000",
                "stepSize": on_grid(step, step),
            }
            for kind in ("LOT_SIZE", "MARKET_LOT_SIZE")
        ),
        {"filterType": "MAX_NUM_ORDERS", "limit": 200},
        {
            "filterType": "PERCENT_PRICE",
            "multiplierUp": "1.0500",
            "multiplierDown": "0.9500",
            "multiplierDecimal": "4",
        },
    ]
