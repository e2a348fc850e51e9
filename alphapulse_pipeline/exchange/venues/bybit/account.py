"""Bybit's account: type, key permissions, balances, names of delisted markets."""

import re
from calendar import monthcalendar
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from alphapulse_pipeline.exchange.account_type import AccountType
from alphapulse_pipeline.exchange.errors import Unreadable
from alphapulse_pipeline.exchange.feed import Caller
from alphapulse_pipeline.exchange.markets import pair_of, unified
from alphapulse_pipeline.exchange.products import Products
from alphapulse_pipeline.exchange.rights import (
    Allows,
    MalformedRights,
    Rights,
    rights_by,
    texts,
)
from alphapulse_pipeline.exchange.venues.bybit.common import (
    BETWEEN_ACCOUNTS,
    CONVERSIONS,
    EARN,
    LIST,
)

EARN_PERMISSION = "Earn"
CONVERT_PERMISSION = "ExchangeHistory"

# What a key that also writes may do with each permission of each group. SubMemberTransferList is to
# list transfers between accounts, not to make them.
_PERMISSIONS = {
    "ContractTrade.Order": Allows.TRADE,
    "ContractTrade.Position": Allows.TRADE,
    "Spot.SpotTrade": Allows.TRADE,
    "Wallet.AccountTransfer": Allows.TRADE,
    "Wallet.SubMemberTransfer": Allows.WITHDRAW,
    "Wallet.SubMemberTransferList": Allows.READ,
    "Wallet.Withdraw": Allows.WITHDRAW,
    "Options.OptionsTrade": Allows.TRADE,
    "Derivatives.DerivativesTrade": Allows.TRADE,
    "Exchange.ExchangeHistory": Allows.TRADE,
    "Earn.Earn": Allows.TRADE,
    "FiatP2P.FiatP2POrder": Allows.WITHDRAW,
    "FiatP2P.Advertising": Allows.WITHDRAW,
    "FiatBitPay.FaitPayOrder": Allows.WITHDRAW,
    "FiatConvertBroker.FiatConvertBrokerOrder": Allows.TRADE,
    "BitCard.BitCard": Allows.WITHDRAW,
    "ByXPost.ByXPost": Allows.TRADE,
}
_NEVER = "1970-01-01T00:00:00Z"

_UPGRADE = "upgrade it to a unified trading account 2.0 at Bybit (Assets, Upgrade)"
_TYPES = {
    "1": AccountType("classic", "the wallets of a classic account are not read", _UPGRADE),
    **dict.fromkeys(
        ("3", "4"),
        AccountType(
            "unified 1.0",
            "the separate wallet for inverse contracts is not read",
            _UPGRADE,
        ),
    ),
    **dict.fromkeys(("5", "6"), AccountType("unified 2.0")),
}

# Quotes of spot pairs, to parse delisted raw ids.
_QUOTES = tuple(
    "USDT,USDC,USDE,USD1,BTC,ETH,MNT,DAI,EUR,GBP,BRL,BRZ,TRY,KZT,AED,PLN,IDR".split(",")  # noqa: SIM905
)
_INVERSE_FUTURE = re.compile(r"(?P<symbol>.+USD)(?P<month>[HMUZ])(?P<year>\d\d)")
_MONTHS = {"H": 3, "M": 6, "U": 9, "Z": 12}


async def rights(call: Caller) -> Rights:
    """Get API Key Information (bybit-exchange.github.io/docs/v5/user/apikey-info, 2026-05-14).

    "Any permission can access this endpoint". Read-only keys list the same permissions as others;
    `readOnly` makes the difference: "0: Read and Write. 1: Read only".
    """
    info = await _key(call)
    groups, read_only = info.get("permissions"), info.get("readOnly")
    if not isinstance(groups, dict):
        raise MalformedRights("permissions", groups, "an object")
    if type(read_only) is not int or read_only not in (0, 1):  # True and False are integers, too
        raise MalformedRights("readOnly", read_only, "0 or 1")
    granted = [
        f"{group}.{name}"
        for group, names in groups.items()
        for name in texts(f"permissions.{group}", names)
    ]
    allowed = rights_by(granted, _PERMISSIONS)
    # 1970 means never
    expires_at = datetime.fromisoformat(info.get("expiredAt") or _NEVER)
    return Rights(
        read=bool(granted),
        trade=allowed.trade and not read_only,
        withdraw=allowed.withdraw and not read_only,
        expires_at=expires_at if expires_at.year > 1970 else None,
        addresses=tuple(ip for ip in info.get("ips") or () if ip != "*"),
    )


async def products(call: Caller) -> Products:
    """ "Get Staked Position" (2026-05-06): "API key needs "Earn" permission"."""
    permissions = (await _key(call)).get("permissions")
    granted = permissions.get(EARN_PERMISSION) if isinstance(permissions, dict) else None
    if EARN_PERMISSION in (granted or ()):
        return Products()
    return Products(closed={EARN: f"the key lacks the permission {EARN_PERMISSION}"})


async def closed_streams(call: Caller) -> dict[tuple[str, str], str]:
    """ "Get Withdrawal Records" (2026-03-16): "Can query by the master UID's api key only". "Get
    Universal Transfer Records" (2026-03-16): "Main acct api key needs "SubMemberTransfer"
    permission, Sub acct api key needs "SubMemberTransferList" permission". "Convert Guideline"
    (2025-03-13): "API key permission: "Exchange"", a group of which "Get API Key Information"
    (2026-05-14) has one permission."""
    info = await _key(call)
    main = info.get("isMaster") is not False
    permission = "SubMemberTransfer" if main else "SubMemberTransferList"
    permissions = info.get("permissions")
    permissions = permissions if isinstance(permissions, dict) else {}
    granted = permissions.get("Wallet")
    closed: dict[tuple[str, str], str] = {}
    if CONVERT_PERMISSION not in (permissions.get("Exchange") or ()):
        reason = f"the key lacks the permission {CONVERT_PERMISSION}"
        closed |= {("conversions", stream): reason for stream in CONVERSIONS}
    if EARN_PERMISSION not in (permissions.get(EARN_PERMISSION) or ()):
        closed["transfers", EARN] = f"the key lacks the permission {EARN_PERMISSION}"
    if not main:
        closed["transfers", "withdrawals"] = (
            "the exchange lists withdrawals to keys of the main account only"
        )
    if permission not in (granted or ()):
        reason = f"the key lacks the permission {permission}"
        closed |= {("transfers", stream): reason for stream in BETWEEN_ACCOUNTS}
    return closed


_USER_ID = re.compile("[1-9][0-9]*")


async def user_id(call: Caller) -> str:
    """The user id of the account that the key belongs to. Raises `Unreadable`."""
    found = user_id_in(await _key(call), "userID")
    if found is None:
        raise Unreadable("the answer of privateGetV5UserQueryApi has no userID")
    return found


def user_id_in(row: Any, name: str) -> str | None:
    """A user id; None if it cannot be read."""
    found = row.get(name) if isinstance(row, dict) else None
    is_id = isinstance(found, str | int) and _USER_ID.fullmatch(str(found))
    return str(found) if is_id else None


async def _key(call: Caller) -> Any:
    return (await call("privateGetV5UserQueryApi", {})).get("result") or {}


async def margin_mode(call: Caller) -> str:
    """The account's mode: on unified accounts, a position's `tradeMode` is always cross."""
    answer = await call("privateGetV5AccountInfo", {})
    return "isolated" if answer["result"].get("marginMode") == "ISOLATED_MARGIN" else "cross"


async def account_type(call: Caller) -> AccountType:
    """`unifiedMarginStatus`: 1 classic, 3 and 4 unified 1.0, 5 and 6 unified 2.0."""
    answer = await call("privateGetV5AccountInfo", {})
    status = str(answer["result"].get("unifiedMarginStatus"))
    return _TYPES.get(status, AccountType(f"unknown account type {status}"))


def coins(answer: Any) -> Any:
    accounts = LIST(answer)
    return [coin for account in accounts for coin in account["coin"]]


def amounts(answer: Any) -> Iterable[tuple[Any, ...]]:
    """ "Get Wallet Balance" (2026-05-25): equity is walletBalance - spotBorrow + unrealized profit.

    `borrowAmount`, which ccxt takes as the debt, also has the liabilities of derivatives, which are
    in a negative `walletBalance` already.
    """
    for coin in coins(answer):
        used = sum(
            Decimal(coin[name] or 0) for name in ("locked", "totalOrderIM", "totalPositionIM")
        )
        # in cross margin, one coin's margin may be covered by another's balance
        total = Decimal(coin["walletBalance"] or 0)
        available = max(total, Decimal(0))
        used = min(used, available)
        yield coin["coin"], total, used, coin["spotBorrow"], available - used


def delisted(raw_id: str, category: str) -> str:
    """Parsed from a raw id, by "Enums Definitions" (2026-07-22): LUNAUSDT, BTCPERP, BTCUSD,
    BTCUSDT-21FEB25, BTC-24MAR23 (USDC), BTCUSDH23 (the last Friday of the quarter)."""
    if category == "inverse" and (future := _INVERSE_FUTURE.fullmatch(raw_id)):
        base = future["symbol"].removesuffix("USD")
        return unified(raw_id, base, "USD", category, _quarter_end(future["month"], future["year"]))
    symbol, _, expiry = raw_id.partition("-")
    if symbol.endswith("PERP"):
        base, quote = symbol.removesuffix("PERP"), "USDC"
    elif category == "inverse":
        base, quote = pair_of(symbol, ("USD",))
    else:
        base, quote = pair_of(symbol, _QUOTES)
        if expiry and not quote:
            base, quote = symbol, "USDC"
    return unified(raw_id, base, quote, category, _date(expiry) if expiry else "")


def _quarter_end(letter: str, year: str) -> str:
    month = _MONTHS[letter]
    fridays = [week[4] for week in monthcalendar(2000 + int(year), month) if week[4]]
    return f"{year}{month:02}{fridays[-1]:02}"


def _date(expiry: str) -> str:
    """21FEB25 as in ccxt's symbols: 250221; unchanged if it is no date."""
    try:
        return f"{datetime.strptime(expiry, '%d%b%y').replace(tzinfo=UTC):%y%m%d}"
    except ValueError:
        return expiry
