"""OKX's balances, positions and account configuration."""

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from typing import Any

from alphapulse_pipeline.datasets.values import number
from alphapulse_pipeline.exchange.account_type import AccountType
from alphapulse_pipeline.exchange.feed import Caller, Feed, Raw, require
from alphapulse_pipeline.exchange.markets import unified
from alphapulse_pipeline.exchange.rights import Allows, MalformedRights, Rights, rights_by
from alphapulse_pipeline.exchange.venues.okx import earn, loans, staking
from alphapulse_pipeline.exchange.venues.okx.common import (
    DATA,
    FUNDING,
    TRADING,
    TYPES,
    documented,
    per_user,
)
from alphapulse_pipeline.exchange.venues.venue import Source, Wallet
from alphapulse_pipeline.exchange.walker import Whole

# acctLv
_MODES = {
    "1": "spot mode",
    "2": "spot and futures mode",
    "3": "multi-currency margin",
    "4": "portfolio margin",
}
_PERMISSIONS = {"read_only": Allows.READ, "trade": Allows.TRADE, "withdraw": Allows.WITHDRAW}
_ZERO = Decimal(0)

# Required fields: stored columns are read from them.
_BALANCE_FIELDS = ("ccy", "eq", "cashBal", "availBal", "isoEq", "isoUpl", "upl")
_POSITION_FIELDS = (
    "instId",
    "pos",
    "posSide",
    "posCcy",
    "ccy",
    "avgPx",
    "markPx",
    "upl",
    "lever",
    "liqPx",
    "mgnMode",
)

_BALANCE = documented(
    "trading-account-rest-api-get-balance",
    "2026-07-04",
    per_user(10),
    limit=None,
    default_limit=None,
    note="a currency whose `cashBal` and `eq` are both 0 is not returned; fields that do not apply "
    'to the account mode are ""',
)
_ASSETS = documented(
    "funding-account-rest-api-get-balance",
    "2026-07-08",
    per_user(6, 1),
    limit=None,
    default_limit=None,
    note="only currencies with a balance greater than 0",
)
_POSITIONS = documented(
    "trading-account-rest-api-get-positions",
    "2026-07-13",
    per_user(10),
    limit=None,
    default_limit=None,
    order="reverse chronological by `cTime`",
)


def wallets() -> tuple[Wallet, ...]:
    return (
        Wallet(
            TRADING,
            {"type": "trading"},
            _cash,
            lambda answer: [coin for account in DATA(answer) for coin in account["details"]],
            _BALANCE_FIELDS,
            documented=_BALANCE,
        ),
        Wallet(
            FUNDING,
            {"type": "funding"},
            rows=DATA,
            required=("ccy", "bal", "availBal", "frozenBal"),
            documented=_ASSETS,
        ),
        earn.wallet(),
        staking.wallet(),
        loans.wallet(),
    )


def positions() -> tuple[Source, ...]:
    """With margin positions, which are on spot markets."""
    return tuple(
        Source(
            Feed(
                "privateGetAccountPositions",
                Whole(),
                {"instType": name},
                _margin_positions if name == "MARGIN" else DATA,
                required=_POSITION_FIELDS,
                documented=_POSITIONS,
            ),
            wallet=TRADING,
            parse="parse_position",
            category=flag,
            market="instId",
        )
        for name, flag in TYPES.items()
        if name != "SPOT"
    )


async def rights(call: Caller) -> Rights:
    """Get account configuration (www.okx.com/docs-v5/en/#trading-account-rest-api-get-account-
    configuration, undated, read on 2026-11-27).

    `perm`: "read_only: Read", "trade: Trade", "withdraw: Withdraw", separated by commas. The expiry
    is not in the answer: keys that may trade and have no IP allowlist expire after 14 days without
    use.
    """
    [account] = (await call("privateGetAccountConfig", {}))["data"]
    perm = account.get("perm")
    if not isinstance(perm, str) or not (granted := _separated(perm.lower())):
        raise MalformedRights("perm", perm, "permissions, separated by commas")
    addresses = _separated(str(account.get("ip") or ""))
    return replace(rights_by(granted, _PERMISSIONS), addresses=addresses)


def _separated(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


async def user_id(call: Caller) -> str:
    """The id of the account that the key belongs to: `uid`, "Account ID of current request"."""
    [account] = (await call("privateGetAccountConfig", {}))["data"]
    require(account, ("uid",), "privateGetAccountConfig")
    return str(account["uid"])


async def margin_mode(call: Caller) -> str:
    """Every position has its own."""
    return "cross"


async def account_type(call: Caller) -> AccountType:
    """The account mode; all modes are read the same way."""
    mode = str((await call("privateGetAccountConfig", {}))["data"][0].get("acctLv"))
    return AccountType(_MODES.get(mode, f"unknown account mode {mode}"))


def delisted(raw_id: str, category: str) -> str:
    """Parsed from a raw id: LUNA-USDT, LUNA-USDT-SWAP, BTC-USD-260327."""
    base, _, rest = raw_id.partition("-")
    quote, _, tail = rest.partition("-")
    kind = "spot" if not tail else "inverse" if quote == "USD" else "linear"
    return unified(raw_id, base, quote, kind, tail.removeprefix("SWAP"))


def _cash(answer: Any) -> Iterable[tuple[Any, ...]]:
    return [_holding(coin) for account in DATA(answer) for coin in account["details"]]


def _holding(coin: Raw) -> tuple[Any, ...]:
    """Raw asset, total, used, debt, free.

    `cashBal` lacks the margin of isolated positions, which `isoEq` contains with their profit. It
    is negative where something is owed, and `liab` repeats that. Whether it is in spot mode, too,
    the page does not say: there is no profit there (`upl` is blank), so `eq` shows what is owed.
    """
    cash, available = _amount(coin, "cashBal"), _amount(coin, "availBal")
    total = cash + _amount(coin, "isoEq") - _amount(coin, "isoUpl")
    spot_mode = not coin["upl"]
    owed = cash + _amount(coin, "stgyEq") - _amount(coin, "eq") if spot_mode else _ZERO
    return (coin["ccy"], total, max(total - available, _ZERO), max(owed, _ZERO), available)


def _amount(coin: Raw, name: str) -> Decimal:
    return number(coin.get(name)) or _ZERO


def _margin_positions(answer: Any) -> Any:
    rows = DATA(answer)
    return list(map(_margin_position, rows)) if isinstance(rows, list) else rows


def _margin_position(raw: Raw) -> Raw:
    """A margin position in the form of a contract's. Its side is in `posCcy` instead of `posSide`,
    and `upl` is in the currency of its margin (`ccy`) instead of the quote currency."""
    base = str(raw.get("instId")).partition("-")[0]
    side, profit = raw.get("posSide"), number(raw.get("upl"))
    if side == "net":
        side = "long" if raw.get("posCcy") == base else "short"
    if profit is not None and raw.get("ccy") == base:
        mark = number(raw.get("markPx"))
        profit = None if mark is None else profit * mark
    return raw | {"posSide": side, "upl": "" if profit is None else str(profit)}
