"""Finds out which request a unified ccxt method would send, without sending it.

ccxt's claims (`has`, `features`) are often wrong. So its methods are run up to the request that
they would send, which shows the arguments that they require and those that reach the request.
"""

import asyncio
import re
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from typing import Any

from ccxt.base import errors as ccxt

from alphapulse_pipeline.exchange.feed import to_time
from alphapulse_pipeline.exchange.lean_import import exchange_class

SINCE, UNTIL = 1_790_000_000_000, 1_790_086_399_999
"""The ends of a window, recognizable in a request as milliseconds, seconds or dates."""
CATEGORIES = ("spot", "linear", "inverse", "option")
SYMBOLS = {
    "spot": "BTC/USDT",
    "linear": "BTC/USDT:USDT",
    "inverse": "BTC/USD:BTC",
    "option": "BTC/USDT:USDT-261225-50000-C",
}
_REQUIRES_MARKET = re.compile(r" (currency|market)\(\) requires ")
_MAX_REQUESTS = 5
"""Some exchanges need preliminary requests: sessions, account numbers, modes."""

_PRELIMINARY = {
    "GetUserAccounts",
    "account/mode",
    "accounts",
    "accountsByL1Address",
    "auth",
    "detail",
    "query",
    "system/config",
    "v1/users/hmac/login",
    "v3/account/settings",
}
"""Preliminary requests of some exchanges. If one of these is the last request, the dry run did not
reach the actual one."""


class Outcome(Enum):
    SENDS = "sends a request"
    NEEDS_ARGUMENT = "needs an argument"
    UNSUPPORTED = "is not supported"
    UNKNOWN = "cannot be determined offline"


@dataclass(frozen=True)
class Answer:
    """The outcome of a dry run, with the request's path and parameters before signing."""

    outcome: Outcome
    path: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""


class _Reached(BaseException):
    """Ends the call at the actual request, past every `except Exception` in ccxt."""


class DryRun:
    """An offline instance of an exchange's ccxt class with dummy markets and credentials."""

    def __init__(self, exchange: str) -> None:
        offline = type(exchange, (_OfflineExchange, exchange_class(exchange)), {})
        self.ccxt: Any = offline({**_CREDENTIALS, "options": _OPTIONS})
        self.ccxt.requests = []
        self.ccxt.set_markets([_market(category) for category in CATEGORIES])
        for code in ("BTC", "USD", "USDT"):
            self.ccxt.currencies.setdefault(code, {"id": code, "code": code})

    def ask(self, method: str, **arguments: Any) -> Answer:
        """Run a unified `fetch_...` method up to its actual request.

        Creates an event loop, so it must not be called inside one.
        """
        requests: list[tuple[str, dict[str, Any]]] = []
        self.ccxt.requests = requests
        try:
            _drive(getattr(self.ccxt, method)(**arguments))
        except _Reached:
            pass
        except ccxt.ArgumentsRequired as error:
            # caused by the empty answer, in which ccxt finds no currency or market
            if not requests or not _REQUIRES_MARKET.search(str(error)):
                return Answer(Outcome.NEEDS_ARGUMENT, reason=str(error))
        except ccxt.NotSupported as error:
            return Answer(Outcome.UNSUPPORTED, reason=str(error))
        except Exception as error:  # noqa: BLE001  ccxt fails on the empty answer or a dummy market
            if isinstance(error, ccxt.ExchangeError) and " requires " in str(error):
                return Answer(Outcome.NEEDS_ARGUMENT, reason=str(error))
            if not requests:
                return Answer(Outcome.UNKNOWN, reason=f"{type(error).__name__}: {error}")
        if not requests:
            return Answer(Outcome.UNKNOWN, reason="no request was sent")
        path, params = requests[-1]
        if path.partition(" ")[2] in _PRELIMINARY:
            return Answer(Outcome.UNKNOWN, reason=f"only the preliminary request {path} was sent")
        return Answer(Outcome.SENDS, path, params)


def units(value: int, params: Mapping[str, Any]) -> set[str]:
    """The units in which a request contains a time: s, ms, us, ns, or date.

    ccxt's own `until` does not count: it leaks through where ccxt does not handle it.
    """
    text = str({name: sent for name, sent in params.items() if (name, sent) != ("until", UNTIL)})
    # exclusive ends are sent one millisecond off
    near = (value - 1, value, value + 1)
    return {
        unit
        for moment in near
        for unit, form in _forms(moment)
        if re.search(rf"(?<!\d){form}(?!\d)", text)
    }


def arrives(value: int, params: Mapping[str, Any], unit: str = "") -> bool:
    """Whether a request contains a time, in `unit` if that is known."""
    found = units(value, params)
    return unit in found if unit else bool(found)


def times(params: Mapping[str, Any]) -> set[tuple[str, int]]:
    """All times in a request: (unit, milliseconds), without ccxt's own `until`."""
    text = str({name: sent for name, sent in params.items() if name != "until"})
    numbers = {
        (unit, int(digits) * 1000 // per_second)
        for unit, per_second, length in _UNITS
        for digits in re.findall(rf"(?<!\d)\d{{{length}}}(?!\d)", text)
    }
    dates = {
        ("date", round(datetime.fromisoformat(found).replace(tzinfo=UTC).timestamp() * 1000))
        for found in _DATE.findall(text)
    }
    return numbers | dates


_UNITS = (("s", 1, 10), ("ms", 1000, 13), ("us", 1_000_000, 16), ("ns", 1_000_000_000, 19))
"""A unit of time, how many of it are a second, and the digits of a time in it."""
_DATE = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d{3})?")


def _forms(value: int) -> tuple[tuple[str, str], ...]:
    """Patterns of a time, by unit."""
    time = to_time(value)
    return (
        ("s", str(value // 1000)),
        ("ms", str(value)),
        ("us", str(value * 1000)),
        ("ns", str(value * 1_000_000)),
        ("date", f"{time:%Y-%m-%d}"),
        ("date", rf"{time:%Y\.%m\.%d}"),
    )


def _drive(call: Coroutine[Any, Any, Any]) -> None:
    """Run a coroutine that never really waits."""
    with asyncio.Runner() as runner:
        runner.run(asyncio.wait_for(call, timeout=1))


class _OfflineExchange:
    """Records requests instead of sending them, and answers with an empty object."""

    requests: list[tuple[str, dict[str, Any]]]
    markets: Any

    async def fetch2(
        self, path: str, api: Any = "public", method: str = "GET", params: Any = None, *_: Any
    ) -> Any:
        sent = params if isinstance(params, dict) else {"": params}
        section = api if isinstance(api, str) else "/".join(map(str, api))
        self.requests.append((f"{section} {path}", sent))
        if arrives(SINCE, sent) or arrives(UNTIL, sent) or len(self.requests) >= _MAX_REQUESTS:
            raise _Reached
        return {}

    async def load_markets(self, *_: Any, **__: Any) -> Any:
        return self.markets


_CREDENTIALS = {
    "apiKey": "1" * 32,
    "secret": "1" * 64,
    "password": "1" * 8,
    "uid": "1",
    "login": "1",
    "accountId": "1",
    "token": "1",
    "privateKey": "0x" + "1" * 64,
    "walletAddress": "0x" + "2" * 40,
}
_OPTIONS = {"tradingAccountId": "1", "subaccount_id": 1, "uta": False, "unifiedAccount": False}
"""Options that some ccxt classes read, or otherwise request from the exchange. Accounts are treated
as not unified, with separate requests per kind of market, which also works for unified accounts."""


def _market(category: str) -> dict[str, Any]:
    symbol = SYMBOLS[category]
    base, _, rest = symbol.partition("/")
    quote, _, settle = rest.partition("-")[0].partition(":")
    contract = category != "spot"
    kind = category if category in ("spot", "option") else "swap"
    return {
        "id": f"{base}{quote}{category}",
        "numericId": 1,
        "symbol": symbol,
        "base": base,
        "quote": quote,
        "settle": settle or None,
        "baseId": base,
        "quoteId": quote,
        "settleId": settle or None,
        "type": kind,
        "spot": not contract,
        "margin": False,
        "swap": kind == "swap",
        "future": False,
        "option": kind == "option",
        "contract": contract,
        "linear": settle == quote if contract else None,
        "inverse": settle == base if contract else None,
        "contractSize": 1,
        "expiry": 1_798_156_800_000 if category == "option" else None,
        "strike": 50_000 if category == "option" else None,
        "optionType": "call" if category == "option" else None,
        "active": True,
        "precision": {"amount": 0.001, "price": 0.01},
        "limits": {},
        "info": {},
    }
