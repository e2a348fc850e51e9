"""What an API key may do, as the exchange itself says it, and which keys are worked with."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from ccxt.base import errors as ccxt

from alphapulse_pipeline.exchange.errors import ExchangeFailure, Kind
from alphapulse_pipeline.exchange.feed import Caller
from alphapulse_pipeline.exchange.refusals import NO_RIGHT, NO_RIGHT_OR_ADDRESS, refusal_in
from alphapulse_pipeline.settings.accounts import Account


@dataclass(frozen=True)
class Rights:
    """What a key may do. None: the exchange does not tell."""

    read: bool | None = None
    trade: bool | None = None
    """Whether it may change something without money leaving the account: orders, transfers between
    the account's own wallets, conversions, earning."""
    withdraw: bool | None = None
    """Whether money can leave the account by it: to an address, to another user, or, where that is
    a right of its own, to another account of the same owner."""
    expires_at: datetime | None = None
    """None also where it never does."""
    addresses: tuple[str, ...] | None = None
    """Where it may be used from; empty: from anywhere."""


UNKNOWN = Rights()
EXPIRES_SOON = timedelta(days=14)
"""So long before its end a key is warned of."""
_NO_DEMO = '"retCode":10032'
"""Bybit's "Demo trading are not supported." """

Ask = Callable[[Caller], Awaitable[Rights]]
"""Asks the exchange. Sends nothing that could have an effect."""


async def rights_of(ask: Ask | None, call: Caller) -> Rights:
    """What the key may do; `UNKNOWN` where the exchange has no answer to that, or none for this
    key. Raises what ccxt raises."""
    if ask is None:
        return UNKNOWN
    try:
        return await ask(call)
    except ccxt.BaseError as error:
        not_there = isinstance(error, ccxt.NotSupported) or _NO_DEMO in str(error)
        if not_there or refusal_in(str(error)) in (NO_RIGHT, NO_RIGHT_OR_ADDRESS):
            return UNKNOWN
        raise


def objection(account: Account, rights: Rights, now: datetime) -> ExchangeFailure | None:
    """Why a key with these rights is not worked with; None where it is. Unknown is no objection."""
    names = account.environment
    key, another = names.api_key, f"make a read-only key for {names.api_key}"
    if rights.withdraw:
        cause = f"the key in {key} may withdraw, and nothing is read with a key that can move money"
        return ExchangeFailure(Kind.CREDENTIALS, f"{cause} out of the account", another)
    if rights.trade and not account.settings.allow_trading_keys:
        cause = f"the key in {key} may trade, and nothing is read with a key that can do more"
        allowed = f"set allow_trading_keys: true in the defs.yaml of {account.name}"
        return ExchangeFailure(Kind.CREDENTIALS, cause, f"{another}, or {allowed}")
    if rights.expires_at and rights.expires_at <= now:
        cause = f"the key in {key} expired at {rights.expires_at:%Y-%m-%d %H:%M} UTC"
        return ExchangeFailure(Kind.CREDENTIALS, cause, another)
    if rights.read is False:
        mend = "give it the right to read, and no other one"
        return ExchangeFailure(Kind.CREDENTIALS, f"the key in {key} may not read", mend)
    return None
