"""Bybit V5, unified trading account.

Pages of its documentation: Get Execution List, Get Order History, Get Open & Closed Orders, Get
Position Info, Get Wallet Balance, Get All Coins Balance, Get Account Info, Get
Tickers (bybit-exchange.github.io).

Categories are asked one by one, and the category asked for decides the market: without it ccxt
infers spot or linear from a row's fields and can turn one into the other.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from alphapulse_pipeline.exchange.feed import Caller, Feed
from alphapulse_pipeline.exchange.venues.venue import Venue, Wallet

CATEGORIES = ("spot", "linear", "inverse", "option")

# execType -> kind. Funding payments come through the same feed and are no fills.
_KINDS = {
    "Trade": "trade",
    "BlockTrade": "trade",
    "MovePosition": "trade",
    "FutureSpread": "trade",
    "BustTrade": "liquidation",
    "AdlTrade": "adl",
    "Delivery": "settlement",
    "Settle": "settlement",
}
_NOT_FILLS = {"Funding", "SessionSettlePnL"}

# What delisted raw ids end with, longest first: the quote of spot pairs.
_QUOTES = ("USDT", "USDC", "USDE", "BRZ", "BTC", "ETH", "EUR", "DAI", "BRL", "TRY")


def _by_category(method: str, **more: Any) -> dict[str, Feed]:
    limit = more.pop("limit")
    return {
        category: Feed(
            method,
            {"category": category, "limit": limit},
            window=timedelta(days=7),
            horizon=timedelta(days=730),
            context={"category": category},
            **more,
        )
        for category in CATEGORIES
    }


def _held(method: str, limit: int, categories: tuple[str, ...], **more: Any) -> tuple[Feed, ...]:
    """Feeds of what is open now. Linear must be asked once per settlement coin."""
    scopes = [
        {"category": category, **({"settleCoin": coin} if coin else {})}
        for category in categories
        for coin in (("USDT", "USDC") if category == "linear" else (None,))
    ]
    return tuple(
        Feed(method, {**scope, "limit": limit, **more}, context={"category": scope["category"]})
        for scope in scopes
    )


def _order_by_id(category: str, order_id: str) -> tuple[Feed, ...]:
    params = {"category": category, "orderId": order_id}
    context = {"category": category}
    return (
        Feed("privateGetV5OrderRealtime", params, context=context),
        Feed("privateGetV5OrderHistory", params, context=context),
    )


async def _margin_mode(call: Caller) -> str:
    """The account's mode: a position's own `tradeMode` always says cross on unified accounts."""
    answer = await call("privateGetV5AccountInfo", {})
    return "isolated" if answer["result"].get("marginMode") == "ISOLATED_MARGIN" else "cross"


def _trade_kind(raw: Mapping[str, Any]) -> str | None:
    kind = str(raw.get("execType"))
    # A type that Bybit adds tomorrow is kept as a trade: lost would be worse than misnamed.
    return None if kind in _NOT_FILLS else _KINDS.get(kind, "trade")


def _fee_currency(raw: Mapping[str, Any]) -> str | None:
    return raw.get("feeCurrency") or raw.get("feeCoin") or None


def _delisted_market(raw_id: str, category: str) -> dict[str, Any]:
    """A market read off its raw id: LUNAUSDT, BTCPERP, BTCUSD, BTCUSDT-26SEP25."""
    symbol, _, expiry = raw_id.partition("-")
    if symbol.endswith("PERP"):
        base, quote = symbol.removesuffix("PERP"), "USDC"
    else:
        endings = ("USD",) if category == "inverse" else _QUOTES
        quote = next((q for q in endings if symbol.endswith(q) and symbol != q), "")
        base = symbol.removesuffix(quote) if quote else symbol
    contract = category != "spot"
    settle = (base if category == "inverse" else quote) if contract else None
    name = f"{base}/{quote}" if quote else raw_id
    if contract:
        name += f":{settle}" + (f"-{expiry}" if expiry else "")
    return {
        "id": raw_id,
        "symbol": name,
        "base": base,
        "quote": quote,
        "settle": settle,
        "baseId": base,
        "quoteId": quote,
        "settleId": settle,
        "type": "spot" if not contract else ("future" if expiry else "swap"),
        "spot": not contract,
        "margin": False,
        "swap": contract and not expiry,
        "future": contract and bool(expiry),
        "option": False,
        "contract": contract,
        "linear": category == "linear",
        "inverse": category == "inverse",
        "contractSize": "1" if contract else None,
        "active": False,
    }


BYBIT = Venue(
    wallets=(
        Wallet("unified", {"type": "unified"}),
        Wallet("funding", {"type": "funding"}),
    ),
    trading_wallet="unified",
    positions=_held("privateGetV5PositionList", 200, ("linear", "inverse", "option")),
    margin_mode=_margin_mode,
    open_orders=_held("privateGetV5OrderRealtime", 50, CATEGORIES),
    # the newest 500 of each scope; the history's own page says that it is filled with a delay
    ended_orders=_held("privateGetV5OrderRealtime", 50, CATEGORIES, openOnly=1),
    histories={
        "trades": _by_category("privateGetV5ExecutionList", limit=100, time="execTime"),
        "orders": _by_category("privateGetV5OrderHistory", limit=50, time="createdTime"),
    },
    order_by_id=_order_by_id,
    tickers={
        "spot": {"type": "spot"},
        "linear": {"type": "swap", "subType": "linear"},
        "inverse": {"type": "swap", "subType": "inverse"},
    },
    # Partly filled, then cancelled: ccxt says closed on spot and canceled on derivatives.
    order_status={"PartiallyFilledCanceled": "canceled"},
    lag=timedelta(seconds=30),
    trade_kind=_trade_kind,
    fee_currency=_fee_currency,
    delisted_market=_delisted_market,
    settings={
        # Limits are per endpoint and second; a second's worth may be sent at once.
        "tokenBucket": {"capacity": 100, "tokens": 100},
        # Currencies need a signed call that a narrow key may not make; codes come from markets.
        "has": {"fetchCurrencies": False},
        # Every account is unified by now: asking costs two calls a run.
        "options": {
            "enableUnifiedMargin": False,
            "enableUnifiedAccount": True,
            "unifiedMarginStatus": 6,
        },
    },
    # 50 a second by Bybit's table of limits, 10 by ccxt's: half of what is allowed.
    costs={"v5/execution/list": 2, "v5/order/history": 2},
)
