"""Binance's account: type, key permissions, balances of futures, names of delisted markets."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from ccxt.base import errors as ccxt

from alphapulse_pipeline.exchange.account_type import AccountType
from alphapulse_pipeline.exchange.feed import Caller, Raw
from alphapulse_pipeline.exchange.markets import pair_of, unified
from alphapulse_pipeline.exchange.products import Products
from alphapulse_pipeline.exchange.rights import Allows, MalformedRights, Rights, rights_by
from alphapulse_pipeline.exchange.venues.binance import portfolio_margin
from alphapulse_pipeline.exchange.venues.binance.common import (
    COINM,
    ISOLATED,
    MARGIN,
    OPTION,
    PORTFOLIO_MARGIN,
    USDM,
)

# enableInternalTransfer: between the main account and its sub-accounts. permitsUniversalTransfer:
# between the account's own wallets.
_PERMISSIONS = {
    "enableReading": Allows.READ,
    "enableFixReadOnly": Allows.NOTHING,
    "enableSpotAndMarginTrading": Allows.TRADE,
    "enableMargin": Allows.TRADE,
    "enableFutures": Allows.TRADE,
    "enableVanillaOptions": Allows.TRADE,
    "enablePortfolioMarginTrading": Allows.TRADE,
    "enableFixApiTrade": Allows.TRADE,
    "permitsUniversalTransfer": Allows.TRADE,
    "enableInternalTransfer": Allows.WITHDRAW,
    "enableWithdrawals": Allows.WITHDRAW,
}
_NO_PERMISSION = "ipRestrict"
# quotes of spot pairs, longest first
_QUOTES = ("FDUSD", "USDT", "USDC", "TUSD", "BUSD", "USDP", "BTC", "ETH", "BNB", "EUR", "TRY")


async def rights(call: Caller) -> Rights:
    """Get API Key Permission (developers.binance.com/en/docs/catalog/core-trading-wallet/api/
    rest-api/account#get-api-key-permission, 2026-08-21). The answer has each documented permission,
    granted or not.

    `enableFutures` and `enableSpotAndMarginTrading` are permissions to trade; no page says that
    reading needs them. A key that was created before the futures account was opened has no access
    to futures. `tradingAuthorityExpirationTime` is ignored: it ends the permission to trade on spot
    and margin, not the key.
    """
    info = await call("sapiGetAccountApiRestrictions", {})
    listed = {name for name in info if name.startswith(("enable", "permits"))}
    for name in sorted({*_PERMISSIONS, *listed}):
        if not isinstance(info.get(name), bool):
            raise MalformedRights(name, info.get(name), "true or false")
    granted = [name for name, value in info.items() if value is True and name != _NO_PERMISSION]
    return replace(
        rights_by(granted, _PERMISSIONS),
        # Binance does not return the addresses of a restricted key
        addresses=() if info.get("ipRestrict") is False else None,
    )


async def margin_mode(call: Caller) -> str:
    """Every position has its own."""
    return "cross"


_FLAG = "isPortfolioMarginRetailEnabled"
_CLOSED = (
    "the account uses Portfolio Margin: what it does on margin and futures is in the wallet "
    "portfolio margin, and what it did there before cannot be listed"
)
# wallet -> the flag of "Account info" that says whether it was ever opened
_OPENED = {
    MARGIN: "isMarginEnabled",
    ISOLATED: "isMarginEnabled",
    USDM: "isFutureEnabled",
    COINM: "isFutureEnabled",
}
_OPTIONS = {OPTION: "isOptionsEnabled"}


async def products(call: Caller) -> Products:
    """Account info (GET /sapi/v1/account/info, developers.binance.com, 2026-08-21).

    One flag stands for cross and isolated margin, and one for USD-M and COIN-M futures, which are
    opened together. Spot and funding are always there. With Portfolio Margin the key may not list
    the others, nor what was done in them before; and whether it may list Portfolio Margin is asked.
    An account whose answer does not mention Portfolio Margin has none.
    """
    try:
        info = await call("sapiGetAccountInfo", {})
    except ccxt.NotSupported:  # demo trading: each endpoint says whether it is there
        return Products()
    if info.get(_FLAG):
        closed = dict.fromkeys(_OPENED, _CLOSED)
        if refused := await portfolio_margin.refused(call):
            closed[PORTFOLIO_MARGIN] = f"the key may not read Portfolio Margin: {refused}"
        return Products(_unopened(info, _OPTIONS), closed)
    never_opened = _unopened(info, {**_OPENED, **_OPTIONS})
    return Products({**never_opened, PORTFOLIO_MARGIN: f"the account's {_FLAG} is not true"})


def _unopened(info: Raw, flags: Mapping[str, str]) -> dict[str, str]:
    """Why each wallet is not there whose flag is false."""
    return {
        wallet: f"the account's {flag} is false"
        for wallet, flag in flags.items()
        if info.get(flag) is False
    }


async def account_type(call: Caller) -> AccountType:
    """Account info (GET /sapi/v1/account/info). Portfolio Margin has separate endpoints."""
    info = await call("sapiGetAccountInfo", {})
    if info.get(_FLAG):
        if refused := await portfolio_margin.refused(call):
            return AccountType(
                "portfolio margin",
                f"the key may not read it: {refused}",
                "use a key that was created after Portfolio Margin was enabled; it may need "
                '"Enable Portfolio Margin Trading", which allow_trading_keys: true accepts',
                rest_is_read=True,
            )
        return AccountType("portfolio margin")
    parts = {
        "isMarginEnabled": "margin",
        "isFutureEnabled": "futures",
        "isOptionsEnabled": "options",
    }
    return AccountType(
        ", ".join(["spot", *(name for flag, name in parts.items() if info.get(flag))])
    )


def collateral(answer: Any) -> Iterable[tuple[str, Any, Any, Any]]:
    """`walletBalance`: the margin balance, which ccxt uses as total, includes unrealized PnL."""
    return [
        (coin["asset"], coin["walletBalance"], coin["initialMargin"], None)
        for coin in answer["assets"]
    ]


async def formerly_listed(call: Caller) -> list[tuple[str, str]]:
    """Every coin that Binance knows, including those no longer traded, paired with every quote."""
    try:
        coins = [coin["coin"] for coin in await call("sapiGetCapitalConfigGetall", {})]
    except ccxt.NotSupported:  # demo trading
        return []
    return [(coin + quote, "spot") for coin in coins for quote in _QUOTES if coin != quote]


def delisted(raw_id: str, category: str) -> str:
    """Parsed from a raw id: LUNAUSDT, BTCUSD_PERP, BTCUSDT_260626."""
    pair, _, tail = raw_id.partition("_")
    base, quote = pair_of(pair, ("USD",) if category == "inverse" else _QUOTES)
    return unified(raw_id, base, quote, category, tail.removeprefix("PERP"))
