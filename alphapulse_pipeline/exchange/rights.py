"""What an API key may do according to the exchange, and which keys are accepted.

Everything that is not known to be harmless counts against the key: an answer without the documented
form is refused, and a permission that is not documented counts as permission to trade or withdraw.
"""

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Any

from ccxt.base import errors as ccxt

from alphapulse_pipeline.exchange.errors import (
    MISREAD,
    ExchangeFailure,
    Kind,
    Unreadable,
    failure,
)
from alphapulse_pipeline.exchange.feed import Caller
from alphapulse_pipeline.exchange.refusals import (
    NO_DEMO,
    NO_RIGHT,
    NO_RIGHT_OR_ADDRESS,
    refusal_of,
)
from alphapulse_pipeline.settings.accounts import Account
from alphapulse_pipeline.settings.environment import PUBLIC


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
    refusal: ExchangeFailure | None = field(default=None, compare=False)
    """Why the exchange does not say what this key may do, if it gave a reason."""


UNKNOWN = Rights()
DEMO = Rights(withdraw=False)
"""Of a key for demo trading, where permissions cannot be requested and no money is real."""
_PUBLIC = Rights(read=True, trade=False, withdraw=False)
"""Of an account's address, which is not a secret."""
EXPIRES_SOON = timedelta(days=14)
"""How long before a key expires a warning is shown."""

AskRights = Callable[[Caller], Awaitable[Rights]]
"""Requests the key's rights. Sends only requests without side effects. Raises `MalformedRights`."""


class Allows(Enum):
    """What a single permission lets a key do."""

    READ = auto()
    TRADE = auto()
    WITHDRAW = auto()
    NOTHING = auto()
    """Neither reading the account nor changing it."""


class MalformedRights(ValueError):
    """A field of the answer about a key does not have the documented form."""

    def __init__(self, name: str, value: Any, expected: str) -> None:
        found = "missing or null" if value is None else repr(value)
        super().__init__(f"`{name}` is {found} instead of {expected}")


class UnusableRights(ExchangeFailure):
    """The exchange's answer about a key does not have the documented form: the key is refused."""

    def __init__(self, account: Account, reason: str) -> None:
        key = account.environment.api_key
        super().__init__(
            Kind.UNREADABLE,
            f"the exchange's answer about the permissions of {account.name}'s key in {key} cannot "
            f"be used: {reason}",
            "nothing is read until the answer is complete; if the next runs fail the same way, the "
            "exchange has changed its API: update alphapulse-pipeline, or report this message",
        )


def rights_by(granted: Iterable[str], documented: Mapping[str, Allows]) -> Rights:
    """The rights of a key that has these permissions.

    One that is not documented allows trading, or withdrawing if its name says that it moves money.
    """
    allowed = {documented.get(name) or _by_name(name) for name in granted}
    return Rights(
        read=Allows.READ in allowed,
        trade=Allows.TRADE in allowed,
        withdraw=Allows.WITHDRAW in allowed,
    )


_MOVES_MONEY = re.compile("withdraw|transfer|send|pay|p2p|card", re.IGNORECASE)


def _by_name(permission: str) -> Allows:
    return Allows.WITHDRAW if _MOVES_MONEY.search(permission) else Allows.TRADE


def texts(name: str, value: Any) -> list[str]:
    """The value of a field, a list of texts. Raises `MalformedRights`."""
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise MalformedRights(name, value, "a list of texts")
    return value


async def rights_of(account: Account, ask: AskRights | None, call: Caller) -> Rights:
    """What the account's key may do; `UNKNOWN` if the exchange cannot say, or refuses to.

    Raises `UnusableRights`, and what ccxt raises.
    """
    if ask is None:
        return _PUBLIC if account.settings.exchange in PUBLIC else UNKNOWN
    try:
        return await ask(call)
    except ccxt.BaseError as error:
        refusal = refusal_of(error)
        # ccxt's own, without a request: it knows no address of this endpoint for demo trading
        not_sent = isinstance(error, ccxt.NotSupported) and not hasattr(error, "status")
        if not_sent or refusal is NO_DEMO:
            return DEMO
        if refusal in (NO_RIGHT, NO_RIGHT_OR_ADDRESS):
            return Rights(refusal=failure(error, account.environment))
        raise
    except MalformedRights as error:
        raise UnusableRights(account, str(error)) from None
    except Unreadable as error:
        raise UnusableRights(account, error.problem) from None
    except MISREAD as error:
        raise UnusableRights(account, f"{type(error).__name__}: {error}") from error


def objection(account: Account, rights: Rights, now: datetime) -> ExchangeFailure | None:
    """Why a key with these rights is not accepted; None if it is."""
    names = account.environment
    key, new_key = names.api_key, f"create a read-only key for {names.api_key}"
    if rights.withdraw:
        problem = f"the key in {key} may withdraw: keys that can move money out are refused"
        return ExchangeFailure(Kind.CREDENTIALS, problem, new_key)
    if rights.trade and not account.settings.allow_trading_keys:
        problem = f"the key in {key} may trade: only read-only keys are accepted by default"
        allow = f"set allow_trading_keys: true in the defs.yaml of {account.name}"
        return ExchangeFailure(Kind.CREDENTIALS, problem, f"{new_key}, or {allow}")
    if rights.withdraw is None and not account.settings.allow_unknown_rights:
        return _not_reported(account, rights.refusal)
    if rights.expires_at and rights.expires_at <= now:
        problem = f"the key in {key} expired at {rights.expires_at:%Y-%m-%d %H:%M} UTC"
        return ExchangeFailure(Kind.CREDENTIALS, problem, new_key)
    if rights.read is False:
        fix = "grant it read permission, and nothing else"
        return ExchangeFailure(Kind.CREDENTIALS, f"the key in {key} may not read", fix)
    return None


def _not_reported(account: Account, refusal: ExchangeFailure | None) -> ExchangeFailure:
    problem = f"the exchange does not report what the key in {account.environment.api_key} may do"
    allow = (
        "check on the exchange's website that the key can only read, then set "
        f"allow_unknown_rights: true in the defs.yaml of {account.name}"
    )
    if refusal is None:
        return ExchangeFailure(Kind.CREDENTIALS, problem, allow)
    return ExchangeFailure(
        Kind.CREDENTIALS, f"{problem}: {refusal.problem}", f"{refusal.fix}; or {allow}"
    )
