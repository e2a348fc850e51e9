"""What an API key may do, as the exchange itself says it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from ccxt.base import errors as ccxt

from alphapulse_pipeline.exchange.feed import Caller
from alphapulse_pipeline.exchange.refusals import NO_RIGHT, NO_RIGHT_OR_ADDRESS, refusal_in


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
