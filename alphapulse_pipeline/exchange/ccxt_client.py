"""Every class of ccxt as it is used here: exact numbers, no silent loss, our own door.

What is changed is the least that must be: how a request is sent, sent again and believed.
"""

import asyncio
import hashlib
import importlib.metadata
import json
import logging
import re
from collections.abc import (
    Awaitable,
    Callable,
    Mapping,
)
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit, urlunsplit

import stamina
import stamina.instrumentation
from ccxt.base import errors as ccxt

from alphapulse_pipeline.exchange.errors import (
    MISREAD,
    Kind,
    Unreadable,
    is_final,
    kind_of,
    told_end,
)
from alphapulse_pipeline.exchange.lean_import import exchange_class
from alphapulse_pipeline.exchange.rate_limit import TokenBucket
from alphapulse_pipeline.exchange.retry_after import UNTOLD, retry_after
from alphapulse_pipeline.settings.environment import AccountEnvironment
from alphapulse_pipeline.settings.errors import SettingsError
from alphapulse_pipeline.settings.redaction import redact, remember_signatures

logger = logging.getLogger(__name__)

# At DEBUG, ccxt's logger prints keys and signatures. A filter, since levels get set by others.
logging.getLogger("ccxt.base.exchange").addFilter(lambda record: record.levelno > logging.DEBUG)

_SIGNS = re.compile("sign|auth", re.IGNORECASE)

_ATTEMPTS = 4
_LONGEST_WAIT = 20.0
_LONGEST_TOLD = 65.0
"""Seconds that are waited where the exchange says so: most count by the minute."""
_PATIENCE = 150.0
_REQUEST_TIMEOUT_MS = 15_000


@dataclass(frozen=True)
class ClientConfig:
    """How an account's exchange is reached. Never printed: it holds the secrets."""

    environment: AccountEnvironment
    exchange: str
    api_key: str = field(repr=False)
    api_secret: str = field(repr=False)
    api_password: str = field(default="", repr=False)
    api_url: str = ""
    testnet: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)
    """ccxt's `options`."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """ccxt's own constructor settings that the venue asks for."""
    costs: Mapping[str, float] = field(default_factory=dict)
    """Path -> cost in the rate limiter, in place of ccxt's."""
    run_id: str = ""

    @property
    def fingerprint(self) -> str:
        """Tells these credentials from others, and is not enough to find them."""
        named = (
            *(self.environment.account, self.exchange, self.api_key, self.api_secret),
            *(self.api_password, str(self.testnet)),
        )
        return hashlib.sha256("\0".join(named).encode()).hexdigest()[:16]


def build(connection: ClientConfig) -> Any:
    """The exchange's class of ccxt, changed as `_Exact` tells; it has not sent anything yet.

    Raises `SettingsError` where it is asked for a testnet that does not exist.
    """
    base = exchange_class(connection.exchange)
    exchange = type(connection.exchange, (_Exact, base), {})(
        {
            "apiKey": connection.api_key,
            "secret": connection.api_secret,
            "password": connection.api_password,
            "timeout": _REQUEST_TIMEOUT_MS,
            "enableRateLimit": True,
            "userAgent": _user_agent(connection.run_id),
            **connection.settings,
            "options": {**connection.settings.get("options", {}), **connection.options},
        }
    )
    exchange.number = str
    # exchanges that are signed for with a wallet's key have no others
    if exchange.requiredCredentials.get("walletAddress"):
        exchange.walletAddress = connection.api_key
    if exchange.requiredCredentials.get("privateKey"):
        exchange.privateKey = connection.api_secret
    exchange.api_url = connection.api_url
    exchange.costs = connection.costs
    exchange.requests_sent = 0
    exchange.attempts = _ATTEMPTS
    exchange.refused = None
    exchange.clock_asker = None
    exchange.clock_lock = asyncio.Lock()
    exchange.timeout_on_exit = 0  # ccxt waits for websockets here, of which there are none
    if connection.testnet:
        _leave_the_real_exchange(exchange, connection.environment)
    return exchange


def _leave_the_real_exchange(exchange: Any, names: AccountEnvironment) -> None:
    """Raises `SettingsError` where ccxt knows nothing else than the real one."""
    if exchange.urls.get("test"):
        exchange.set_sandbox_mode(True)
    elif exchange.urls.get("demo"):
        exchange.enable_demo_trading(True)
    else:
        raise SettingsError(
            f"{names.account}: {exchange.id} has neither a testnet nor demo trading: leave out "
            f"{names.testnet}"
        )


class _Exact:
    """What is changed in every ccxt class: exact numbers, no silent loss, our own door."""

    id: str
    last_response_headers: Mapping[str, str] | None
    milliseconds: Callable[[], int]
    tokenBucket: Mapping[str, Any]
    api_url: str
    costs: Mapping[str, float]
    requests_sent: int
    attempts: int
    refused: BaseException | None
    """What the exchange refused the whole account with: nothing more is asked."""
    clock_asker: asyncio.Task[Any] | None
    """Who has asked for the exchange's time: it is asked once."""
    clock_lock: asyncio.Lock
    options: dict[str, Any]
    fetch_time: Callable[[], Awaitable[int]]

    async def fetch2(self, *args: Any, **kwargs: Any) -> Any:
        """One call of an endpoint; throttled, signed and sent again where that can help."""
        if self.refused:
            raise self.refused
        try:
            async for attempt in stamina.retry_context(
                on=self._wait_before_retry,
                attempts=self.attempts,
                timeout=_PATIENCE,
                wait_initial=0.25,
                wait_max=_LONGEST_WAIT,
            ):
                with attempt:
                    answer = await self._fetch_in_time(*args, **kwargs)
        except (TimeoutError, ccxt.BaseError, OSError) as error:
            if is_final(error):
                self.refused = error
                error.until = self._told_end(error)  # type: ignore[union-attr]
            # What has just failed for good is not waited for again and again by the next call.
            self.attempts = 1
            raise
        self.attempts = _ATTEMPTS
        return answer

    async def _fetch_in_time(self, *args: Any, **kwargs: Any) -> Any:
        """Send it; where the exchange refuses our time, find out its own and send it once more."""
        difference = self.options.get("timeDifference")
        try:
            return await super().fetch2(*args, **kwargs)  # type: ignore[misc]
        except MISREAD as error:  # ccxt looks into every answer for errors
            raise Unreadable(f"{args[0]}: {type(error).__name__}: {error}") from error
        except ccxt.InvalidNonce:
            if self.clock_asker is asyncio.current_task():
                raise  # the time itself was asked for
            async with self.clock_lock:
                if self.options.get("timeDifference") == difference:
                    if difference is None or self.clock_asker:
                        raise
                    await self._correct_clock()
            return await super().fetch2(*args, **kwargs)  # type: ignore[misc]

    async def _correct_clock(self) -> None:
        self.clock_asker = asyncio.current_task()
        ahead = self.milliseconds() - await self.fetch_time()
        logger.warning(
            "this machine's clock is %.1f seconds %s the exchange's, by which this run goes now: "
            "set the machine's (NTP)",
            abs(ahead) / 1000,
            "ahead of" if ahead > 0 else "behind",
        )
        self.options["timeDifference"] = ahead

    def sign(self, *args: Any, **kwargs: Any) -> Any:
        """A secret that nothing can be signed with is the wrong one, before anybody is asked."""
        try:
            return super().sign(*args, **kwargs)  # type: ignore[misc]
        except ValueError as error:  # no base64, no hexadecimal number, no key of a curve
            told = f"the secret is not of the form that {self.id} gives out: {error}"
            raise ccxt.AuthenticationError(told) from None

    async def fetch(
        self, url: str, method: str = "GET", headers: Any = None, body: Any = None
    ) -> Any:
        """Send a signed request. An answer that is not JSON is an error, never 'no rows'."""
        self.requests_sent += 1
        if self.api_url:
            url = _through(self.api_url, url)
        remember_signatures(_signatures(url, headers, body))
        answer = await super().fetch(url, method, headers, body)  # type: ignore[misc]
        if not isinstance(answer, dict | list):
            path = urlsplit(url).path
            raise ccxt.BadResponse(f"{path} answered with something that is not JSON")
        return answer

    def handle_errors(self, code: int, reason: str, *more: Any) -> Any:
        """Believe the HTTP status: exchanges' classes lose it where the body is JSON."""
        body = more[3]
        if code in (418, 429):
            raise ccxt.RateLimitExceeded(f"{code} {reason} {body}")
        if code >= 500:
            raise ccxt.ExchangeNotAvailable(f"{code} {reason} {body}")
        return super().handle_errors(code, reason, *more)  # type: ignore[misc]

    def _wait_before_retry(self, error: Exception) -> bool | float:
        """Whether to send it again, or after how many seconds."""
        match kind_of(error):
            case Kind.TRANSIENT:
                return True
            case Kind.THROTTLED:
                told = retry_after(self.last_response_headers or {}, self.milliseconds())
                wait = UNTOLD if told is None else told
                if wait > _LONGEST_TOLD:
                    return False
                self.throttler.hold(wait)
                return wait
            case _:
                return False

    def init_throttler(self, cost: Any = None) -> None:
        self.throttler = TokenBucket(self.tokenBucket)

    def _told_end(self, error: BaseException) -> datetime | None:
        wait = retry_after(self.last_response_headers or {}, self.milliseconds())
        told = datetime.now(UTC) + timedelta(seconds=wait) if wait else None
        return told_end(str(error)) or told

    def calculate_rate_limiter_cost(
        self, api: Any, method: str, path: str, params: Any, config: Any = None
    ) -> Any:
        if (cost := self.costs.get(path)) is not None:
            return cost
        return super().calculate_rate_limiter_cost(  # type: ignore[misc]
            api, method, path, params, config or {}
        )

    def on_json_response(self, body: str) -> Any:
        return json.loads(body, parse_float=str, parse_constant=str)

    # ccxt drops rows of an answer by symbol, currency, time, number and status. How many there
    # were is what proofs go by.
    def filter_by_value_since_limit(self, rows: Any, *_: Any, **__: Any) -> Any:
        return rows

    def filter_by_since_limit(self, rows: Any, *_: Any, **__: Any) -> Any:
        return rows

    def filter_by(self, rows: Any, key: Any, value: Any = None) -> Any:
        return rows if key == "status" else super().filter_by(rows, key, value)  # type: ignore[misc]

    def filter_by_array(self, rows: Any, key: Any, values: Any = None, indexed: bool = True) -> Any:
        if key == "status" and not indexed:
            return rows
        return super().filter_by_array(rows, key, values, indexed)  # type: ignore[misc]


def _tell(details: stamina.instrumentation.RetryDetails) -> None:
    cause = " ".join(redact(str(details.caused_by)).split())[:200]
    logger.info("trying again in %.1f seconds: %s", details.wait_for, cause)


# stamina's own words repeat the error as it is, signed URL and all.
stamina.instrumentation.set_on_retry_hooks([_tell])


def _through(door: str, url: str) -> str:
    """The same path and query at another scheme, host and port."""
    there, asked = urlsplit(door), urlsplit(url)
    return urlunsplit(asked._replace(scheme=there.scheme, netloc=there.netloc))


def _signatures(url: str, headers: Mapping[str, Any] | None, body: Any) -> list[str]:
    """What a request is signed with, wherever exchanges want it: headers, query or form."""
    form = body if isinstance(body, str) else ""
    pairs = [*(headers or {}).items(), *parse_qsl(urlsplit(url).query), *parse_qsl(form)]
    return [str(value) for name, value in pairs if _SIGNS.search(name) and len(str(value)) >= 16]


def _user_agent(run_id: str) -> str:
    version = importlib.metadata.version("alphapulse-pipeline")
    return f"alphapulse-pipeline/{version}" + (f" (run {run_id})" if run_id else "")
