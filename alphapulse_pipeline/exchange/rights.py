"""What an API key may do according to the exchange, and which keys are accepted."""

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
    """What a key may do. None: the exchange does not say."""

    read: bool | None = None
    trade: bool | None = None
    """Whether it may change anything without money leaving the account: orders, transfers between
    the account's own wallets, conversions, earn products."""
    withdraw: bool | None = None
    """Whether it can move money out of the account: to an address, to another user or, where that
    is a separate permission, to a different account of the same owner."""
    expires_at: datetime | None = None
    """None also if it never expires."""
    addresses: tuple[str, ...] | None = None
    """The IP addresses that may use it; empty: any."""


UNKNOWN = Rights()
EXPIRES_SOON = timedelta(days=14)
"""How long before a key expires a warning is shown."""
_NO_DEMO = '"retCode":10032'
"""Bybit's "Demo trading are not supported."."""

AskRights = Callable[[Caller], Awaitable[Rights]]
"""Requests the key's rights. Sends only requests without side effects."""


async def rights_of(ask: AskRights | None, call: Caller) -> Rights:
    """What the key may do; `UNKNOWN` if the exchange cannot say, or not for this key.

    Raises what ccxt raises.
    """
    if ask is None:
        return UNKNOWN
    try:
        return await ask(call)
    except ccxt.BaseError as error:
        unavailable = isinstance(error, ccxt.NotSupported) or _NO_DEMO in str(error)
        if unavailable or refusal_in(str(error)) in (NO_RIGHT, NO_RIGHT_OR_ADDRESS):
            return UNKNOWN
        raise


def objection(account: Account, rights: Rights, now: datetime) -> ExchangeFailure | None:
    """Why a key with these rights is not accepted; None if it is. Unknown rights are accepted."""
    names = account.environment
    key, new_key = names.api_key, f"create a read-only key for {names.api_key}"
    if rights.withdraw:
        problem = f"the key in {key} may withdraw: keys that can move money out are refused"
        return ExchangeFailure(Kind.CREDENTIALS, problem, new_key)
    if rights.trade and not account.settings.allow_trading_keys:
        problem = f"the key in {key} may trade: only read-only keys are accepted by default"
        allow = f"set allow_trading_keys: true in the defs.yaml of {account.name}"
        return ExchangeFailure(Kind.CREDENTIALS, problem, f"{new_key}, or {allow}")
    if rights.expires_at and rights.expires_at <= now:
        problem = f"the key in {key} expired at {rights.expires_at:%Y-%m-%d %H:%M} UTC"
        return ExchangeFailure(Kind.CREDENTIALS, problem, new_key)
    if rights.read is False:
        fix = "grant it read permission, and nothing else"
        return ExchangeFailure(Kind.CREDENTIALS, f"the key in {key} may not read", fix)
    return None
