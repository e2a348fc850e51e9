"""What ccxt would ask of an exchange, found out without asking it.

ccxt's own claims (`has`, `features`) are wrong often enough. So its methods are run up to the
request that they would send: what they insist on, and which of their arguments arrive there, is
seen and not believed. Nothing is sent.
"""

import asyncio
import re
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from ccxt.base import errors as ccxt

from alphapulse_pipeline.exchange.feed import to_time
from alphapulse_pipeline.exchange.lean_import import exchange_class

SINCE, UNTIL = 1_790_000_000_000, 1_790_086_399_999
"""A window's ends that are found again in a request, in milliseconds, seconds or words."""
CATEGORIES = ("spot", "linear", "inverse", "option")
SYMBOLS = {
    "spot": "BTC/USDT",
    "linear": "BTC/USDT:USDT",
    "inverse": "BTC/USD:BTC",
    "option": "BTC/USDT:USDT-261225-50000-C",
}
_EMPTY = re.compile(r" (currency|market)\(\) requires ")
_MOST_REQUESTS = 5
"""So many requests before the one that counts: sessions, account numbers, modes."""

_FIRST = {
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
"""Requests that some exchanges want before any other; where they are all that is seen, the one that
counts is not."""


class Outcome(Enum):
    ASKS = "asks"
    NEEDS = "needs an argument"
    LACKS = "has no such thing"
    UNKNOWN = "cannot be told without the exchange"


@dataclass(frozen=True)
class Answer:
    """What became of a call. `path` and `params`: the request's, before it is signed."""

    outcome: Outcome
    path: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""


class _Reached(BaseException):
    """The request that counts: ends the call, past every `except Exception` of ccxt's."""


class DryRun:
    """One exchange's class of ccxt, with a few invented markets and credentials."""

    def __init__(self, exchange: str) -> None:
        own = type(exchange, (_Silent, exchange_class(exchange)), {})
        self.ccxt: Any = own({**_CREDENTIALS, "options": _OPTIONS})
        self.ccxt.requests = []
        self.ccxt.set_markets([_market(category) for category in CATEGORIES])
        for code in ("BTC", "USD", "USDT"):
            self.ccxt.currencies.setdefault(code, {"id": code, "code": code})

    def ask(self, method: str, **arguments: Any) -> Answer:
        """Call a unified `fetch_...` method up to the request that it is about.

        Makes an event loop for that, and so must not be called in one.
        """
        requests: list[tuple[str, dict[str, Any]]] = []
        self.ccxt.requests = requests
        try:
            _drive(getattr(self.ccxt, method)(**arguments))
        except _Reached:
            pass
        except ccxt.ArgumentsRequired as error:
            # of an empty answer ccxt cannot tell the currency or the market
            if not requests or not _EMPTY.search(str(error)):
                return Answer(Outcome.NEEDS, reason=str(error))
        except ccxt.NotSupported as error:
            return Answer(Outcome.LACKS, reason=str(error))
        except Exception as error:  # noqa: BLE001  an empty answer or invented market upset ccxt
            if isinstance(error, ccxt.ExchangeError) and " requires " in str(error):
                return Answer(Outcome.NEEDS, reason=str(error))
            if not requests:
                return Answer(Outcome.UNKNOWN, reason=f"{type(error).__name__}: {error}")
        if not requests:
            return Answer(Outcome.UNKNOWN, reason="no request was made")
        path, params = requests[-1]
        if path.partition(" ")[2] in _FIRST:
            return Answer(Outcome.UNKNOWN, reason=f"{path} comes first")
        return Answer(Outcome.ASKS, path, params)


def arrives(value: int, params: Mapping[str, Any]) -> bool:
    """Whether a moment is in a request, in one of the ways in which exchanges write times.

    ccxt's own `until` does not count: it slips through where ccxt does not know it.
    """
    text = str({name: sent for name, sent in params.items() if (name, sent) != ("until", UNTIL)})
    # where an end is exclusive it is sent a millisecond off
    near = (value - 1, value, value + 1)
    return any(form in text for moment in near for form in _forms(moment))


def _forms(value: int) -> tuple[str, ...]:
    time = to_time(value)
    return (str(value), str(value // 1000), f"{time:%Y-%m-%d}", f"{time:%Y.%m.%d}")


def _drive(call: Coroutine[Any, Any, Any]) -> None:
    """Run a coroutine that has nothing to wait for."""
    with asyncio.Runner() as runner:
        runner.run(asyncio.wait_for(call, timeout=1))


class _Silent:
    """Sends nothing: notes down what would be asked, and answers nothing."""

    requests: list[tuple[str, dict[str, Any]]]
    markets: Any

    async def fetch2(
        self, path: str, api: Any = "public", method: str = "GET", params: Any = None, *_: Any
    ) -> Any:
        asked = params if isinstance(params, dict) else {"": params}
        section = api if isinstance(api, str) else "/".join(map(str, api))
        self.requests.append((f"{section} {path}", asked))
        if arrives(SINCE, asked) or arrives(UNTIL, asked) or len(self.requests) >= _MOST_REQUESTS:
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
"""What some of ccxt's classes read there, or ask the exchange for. An account that is not unified
must be asked for each kind of market by itself, which is right for one that is unified as well."""


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
