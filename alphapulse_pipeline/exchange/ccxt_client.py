"""ccxt's exchange classes with checked answers, our own retries and base URL.

The changes are minimal: how requests are sent and retried, and when an answer is accepted. What an
answer is parsed to is in `complete_parsing.py`.
"""

import asyncio
import hashlib
import importlib.metadata
import logging
import re
from collections.abc import (
    Awaitable,
    Callable,
    Iterator,
    Mapping,
)
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import parse_qsl, urlsplit, urlunsplit

import stamina
import stamina.instrumentation
from ccxt.base import errors as ccxt

from alphapulse_pipeline.exchange.bounded_precise import bound_precise, bounded_number_to_string
from alphapulse_pipeline.exchange.ccxt_fixes import FIXES
from alphapulse_pipeline.exchange.complete_parsing import CompleteParsing
from alphapulse_pipeline.exchange.errors import (
    MISREAD,
    Kind,
    Unreadable,
    ban_end,
    is_final,
    kind_of,
)
from alphapulse_pipeline.exchange.isolated_rows import IsolatedRows
from alphapulse_pipeline.exchange.lean_import import exchange_class
from alphapulse_pipeline.exchange.rate_limit import Charged, RateLimiter, Request
from alphapulse_pipeline.exchange.request_count import count_request
from alphapulse_pipeline.exchange.retry_after import retry_after, throttled_until
from alphapulse_pipeline.settings.environment import DEFAULT_RATE_SHARE, PUBLIC, AccountEnvironment
from alphapulse_pipeline.settings.errors import SettingsError
from alphapulse_pipeline.settings.redaction import redact, remember_signatures

if TYPE_CHECKING:
    import aiohttp

logger = logging.getLogger(__name__)

# At DEBUG, ccxt's logger prints keys and signatures. A filter, since others may set the level.
logging.getLogger("ccxt.base.exchange").addFilter(lambda record: record.levelno > logging.DEBUG)

_HEADERS: ContextVar[Mapping[str, str]] = ContextVar("_HEADERS", default={})  # noqa: B039 - read only
"""Headers of the last answer in this task; ccxt's `last_response_headers` may be another task's."""

_SIGNS = re.compile("sign|auth", re.IGNORECASE)

_MAX_ATTEMPTS = 4
"""Of a request that fails; those that are throttled do not count."""
_MAX_THROTTLED = 8
"""How often a request may be throttled: with waits that double, other programs have minutes."""
_MAX_BACKOFF = 20.0
_MAX_RETRY_AFTER = 65.0
"""Seconds. The longest wait an exchange may ask for: the longest windows are a minute."""
_REQUEST_TIMEOUT_MS = 15_000
_NOTICEABLE_MS = 100
"""A clock that is wrong by less is not why a timestamp was rejected: the request was late."""
_TESTNET_IS_DEMO = ("okx", "okxus", "myokx")
"""Exchanges whose only other server is the one for demo trading; ccxt calls it a testnet."""


@dataclass(frozen=True)
class ClientConfig:
    """How an account's exchange is reached. Holds the secrets, so it is never printed."""

    environment: AccountEnvironment
    exchange: str
    api_key: str = field(repr=False)
    api_secret: str = field(repr=False)
    api_password: str = field(default="", repr=False)
    api_url: str = ""
    server: Literal["live", "testnet", "demo"] = "live"
    options: Mapping[str, Any] = field(default_factory=dict)
    """ccxt's `options`."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """The venue's settings for ccxt's constructor."""
    charged: Charged | None = None
    """What a request costs; without it, as ccxt says."""
    rate_share: float = DEFAULT_RATE_SHARE
    """The share to use of limits that count per IP address."""
    run_id: str = ""

    @property
    def fingerprint(self) -> str:
        """Identifies these credentials and where they are sent, without revealing them."""
        parts = (
            self.environment.account,
            self.exchange,
            self.api_key,
            self.api_secret,
            self.api_password,
            self.server,
            self.api_url,
        )
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def build(config: ClientConfig) -> Any:
    """An instance of the exchange's ccxt class with our changes.

    Sends no request. Raises `SettingsError` if a server is configured that does not exist.
    """
    bound_precise()
    base = exchange_class(config.exchange)
    fixes = (FIXES[config.exchange],) if config.exchange in FIXES else ()
    bases = (IsolatedRows, *fixes, CompleteParsing, _CheckedExchange, base)
    exchange = type(config.exchange, bases, {})(
        {
            "apiKey": config.api_key,
            "secret": config.api_secret,
            "password": config.api_password,
            "timeout": _REQUEST_TIMEOUT_MS,
            "enableRateLimit": True,
            "userAgent": _user_agent(config.run_id),
            **config.settings,
            "options": {**config.settings.get("options", {}), **config.options},
        }
    )
    exchange.number = str
    exchange.number_to_string = bounded_number_to_string
    # decentralized exchanges sign with a wallet's key instead of an API key
    if exchange.requiredCredentials.get("walletAddress"):
        exchange.walletAddress = config.api_key
    if exchange.requiredCredentials.get("privateKey") and config.exchange not in PUBLIC:
        exchange.privateKey = config.api_secret
    exchange.api_url = config.api_url
    exchange.requests_sent = 0
    exchange.unreadable_tickers = []
    exchange.max_attempts = _MAX_ATTEMPTS
    exchange.refused = None
    exchange.clock_task = None
    exchange.clock_lock = asyncio.Lock()
    exchange.timeout_on_exit = 0  # a wait for websockets, which are not used
    if config.server != "live":
        _leave_live_server(exchange, config.server, config.environment)
    exchange.throttler = RateLimiter(
        exchange.tokenBucket, config.charged, config.rate_share, config.api_key, exchange.server_of
    )
    return exchange


def _leave_live_server(
    exchange: Any, server: Literal["testnet", "demo"], names: AccountEnvironment
) -> None:
    """Raises `SettingsError` if ccxt does not know this server of the exchange."""
    has_demo = any(exchange.urls.get(name) for name in ("demo", "demotrading"))
    has_testnet = bool(exchange.urls.get("test"))
    if has_demo and (server == "demo" or not has_testnet):
        exchange.enable_demo_trading(True)
    elif has_testnet and (server == "testnet" or exchange.id in _TESTNET_IS_DEMO):
        exchange.set_sandbox_mode(True)
    else:
        lacks = "neither a testnet nor demo trading" if server == "testnet" else "no demo trading"
        raise SettingsError(
            f"{names.account}: {exchange.id} has {lacks}", f"remove {names.testnet}"
        )


@contextmanager
def _answered(status: int, answer: Any) -> Iterator[None]:
    """Note in an error which answer it is about: see `refusal_of`."""
    try:
        yield
    except ccxt.BaseError as error:
        error.status, error.answer = status, answer
        raise


class _CheckedExchange:
    """Mixed into every ccxt class: checked answers, our own retries and base URL."""

    id: str
    session: "aiohttp.ClientSession"
    tcp_connector: "aiohttp.BaseConnector"
    aiohttp_trust_env: bool
    milliseconds: Callable[[], int]
    throttler: RateLimiter
    urls: Mapping[str, Any]
    api_url: str
    requests_sent: int
    max_attempts: int
    refused: BaseException | None
    """The error by which the exchange refused the whole account: no more requests are sent."""
    clock_task: asyncio.Task[Any] | None
    """The task that has requested the exchange's time: it is requested once."""
    clock_lock: asyncio.Lock
    options: dict[str, Any]
    fetch_time: Callable[[], Awaitable[int]]
    implode_hostname: Callable[[str], str]

    async def fetch2(self, *args: Any, **kwargs: Any) -> Any:
        """One call of an endpoint: throttled, signed, and retried where that can help."""
        if self.refused:
            raise self.refused
        count_request(args[0])
        try:
            async for attempt in stamina.retry_context(
                on=_Retries(self),
                attempts=_MAX_ATTEMPTS + _MAX_THROTTLED,
                timeout=None,
                wait_initial=0.25,
                wait_max=_MAX_BACKOFF,
            ):
                with attempt:
                    answer = await self._fetch_with_clock(*args, **kwargs)
        except (TimeoutError, ccxt.BaseError, OSError) as error:
            if is_final(error):
                self.refused = error
                error.until = self._ban_end(error)  # type: ignore[union-attr]
            # all retries failed: the next call must not spend them again
            self.max_attempts = 1
            raise
        self.max_attempts = _MAX_ATTEMPTS
        return answer

    async def _fetch_with_clock(self, *args: Any, **kwargs: Any) -> Any:
        """Send it; if the exchange rejects the timestamp, correct the clock and send it again."""
        difference = self.options.get("timeDifference")
        try:
            return await super().fetch2(*args, **kwargs)  # type: ignore[misc]
        except MISREAD as error:  # from ccxt's search for errors in the answer
            raise Unreadable(f"{args[0]}: {type(error).__name__}: {error}") from error
        except ccxt.InvalidNonce:
            if self.clock_task is asyncio.current_task():
                raise  # this request was for the exchange's time
            async with self.clock_lock:
                if self.options.get("timeDifference") == difference:
                    if difference is None or self.clock_task:
                        raise
                    await self._correct_clock()
            return await super().fetch2(*args, **kwargs)  # type: ignore[misc]

    async def _correct_clock(self) -> None:
        self.clock_task = asyncio.current_task()
        sent = self.milliseconds()
        theirs = await self.fetch_time()
        # the exchange read its clock at some moment in between
        ahead = max(sent - theirs, 0) or min(self.milliseconds() - theirs, 0)
        if abs(ahead) >= _NOTICEABLE_MS:
            logger.warning(
                "this machine's clock is %.1f seconds %s the exchange's; this run uses the "
                "exchange's time: synchronize this machine's clock (NTP)",
                abs(ahead) / 1000,
                "ahead of" if ahead > 0 else "behind",
            )
        self.options["timeDifference"] = sent - theirs

    def sign(self, *args: Any, **kwargs: Any) -> Any:
        """Report a secret that cannot sign as a wrong secret; no request is sent."""
        try:
            return super().sign(*args, **kwargs)  # type: ignore[misc]
        except ValueError as error:  # not base64, not hexadecimal, not a private key
            problem = f"the secret does not have the format of {self.id}'s secrets: {error}"
            raise ccxt.AuthenticationError(problem) from None

    async def fetch(
        self, url: str, method: str = "GET", headers: Any = None, body: Any = None
    ) -> Any:
        """Send a signed request. An answer that is not JSON is an error, never "no rows"."""
        self.requests_sent += 1
        if self.api_url:
            url = _rebase(self.api_url, url)
        remember_signatures(_signatures(url, headers, body))
        answer = await super().fetch(url, method, headers, body)  # type: ignore[misc]
        if not isinstance(answer, dict | list) and not self.is_answered_with_text(body):
            path = urlsplit(url).path
            raise ccxt.BadResponse(f"the answer of {path} is not JSON")
        return answer

    def is_answered_with_text(self, body: Any) -> bool:
        """Whether the answer of a request with this `body` may be a bare JSON text."""
        return False

    def handle_errors(self, code: int, reason: str, *more: Any) -> Any:
        """Check the HTTP status first: ccxt's classes ignore it if the body is JSON."""
        _, _, headers, body, answer, *_ = more
        _HEADERS.set(headers)
        self.throttler.observe(headers)
        with _answered(code, answer):
            if code in (418, 429):
                raise ccxt.RateLimitExceeded(f"{code} {reason} {body}")
            if code == 451:
                raise ccxt.RestrictedLocation(f"{code} {reason} {body}")
            if code >= 500:
                raise ccxt.ExchangeNotAvailable(f"{code} {reason} {body}")
            return super().handle_errors(code, reason, *more)  # type: ignore[misc]

    def handle_http_status_code(self, code: int, *more: Any) -> None:
        """For what `handle_errors` accepts: an answer that is not JSON, or has no error in it."""
        with _answered(code, None):
            super().handle_http_status_code(code, *more)  # type: ignore[misc]

    def init_throttler(self, cost: Any = None) -> None:
        """Nothing: `build` knows the limits."""

    def asked_to_wait(self, error: BaseException) -> float | None:
        """For how many seconds the exchange asks to send nothing, if the answer says so."""
        now = self.milliseconds()
        asked = retry_after(_HEADERS.get(), now)
        return throttled_until(str(error), now) if asked is None else asked

    def _ban_end(self, error: BaseException) -> datetime | None:
        wait = self.asked_to_wait(error)
        by_headers = datetime.now(UTC) + timedelta(seconds=wait) if wait else None
        return ban_end(str(error)) or by_headers

    def calculate_rate_limiter_cost(
        self, api: Any, method: str, path: str, params: Any, config: Any = None
    ) -> Request:
        cost = super().calculate_rate_limiter_cost(  # type: ignore[misc]
            api, method, path, params, config or {}
        )
        return Request(api if isinstance(api, str) else api[0], path, params, float(cost))

    def server_of(self, api: str) -> str:
        """Scheme, host and port that requests to one of ccxt's APIs go to."""
        if self.api_url:
            return origin(self.api_url)
        url: Any = self.urls["api"]
        while isinstance(url, Mapping):
            url = url.get(api) or next(iter(url.values()))
        return origin(self.implode_hostname(url))

    def open(self, lazy: bool = False) -> None:
        """Open ccxt's session with our limits on answers and redirects."""
        from alphapulse_pipeline.exchange.http_session import bounded_session  # loads aiohttp

        before = self.session
        super().open(lazy)  # type: ignore[misc]
        if self.session is not before:
            self.session.detach()
            self.session = bounded_session(self.tcp_connector, trust_env=self.aiohttp_trust_env)


class _Retries:
    """Decides for one call whether its failures are retried."""

    def __init__(self, exchange: _CheckedExchange) -> None:
        self._exchange = exchange
        self._failed = self._throttled = 0

    def __call__(self, error: Exception) -> bool | float:
        """Whether to retry, or after how many seconds."""
        exchange = self._exchange
        match kind_of(error):
            case Kind.TRANSIENT:
                self._failed += 1
                return self._failed < exchange.max_attempts
            case Kind.THROTTLED:
                self._throttled += 1
                asked = exchange.asked_to_wait(error)
                if (asked or 0) > _MAX_RETRY_AFTER or exchange.max_attempts == 1:
                    return False
                if self._throttled > _MAX_THROTTLED:
                    return False
                return exchange.throttler.refused(asked, self._throttled)
            case _:
                return False


def _log_retry(details: stamina.instrumentation.RetryDetails) -> None:
    if isinstance(details.caused_by, ccxt.BaseError | OSError) and (
        kind_of(details.caused_by) is Kind.THROTTLED
    ):
        return  # the limiter says so, once a minute
    cause = " ".join(redact(str(details.caused_by)).split())[:200]
    logger.info("retrying in %.1f seconds: %s", details.wait_for, cause)


# stamina's default message contains the unredacted error, including the signed URL.
stamina.instrumentation.set_on_retry_hooks([_log_retry])


def origin(url: str) -> str:
    """Scheme, host and port."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _rebase(base_url: str, url: str) -> str:
    """`url` with the scheme, host and port of `base_url`."""
    base, parts = urlsplit(base_url), urlsplit(url)
    return urlunsplit(parts._replace(scheme=base.scheme, netloc=base.netloc))


def _signatures(url: str, headers: Mapping[str, Any] | None, body: Any) -> list[str]:
    """The signatures in a request: in its headers, query or form."""
    form = body if isinstance(body, str) else ""
    pairs = [*(headers or {}).items(), *parse_qsl(urlsplit(url).query), *parse_qsl(form)]
    return [str(value) for name, value in pairs if _SIGNS.search(name) and len(str(value)) >= 16]


def _user_agent(run_id: str) -> str:
    version = importlib.metadata.version("alphapulse-pipeline")
    return f"alphapulse-pipeline/{version}" + (f" (run {run_id})" if run_id else "")
