"""One ccxt client and one event loop, for one run of one account.

The loop runs in a thread that the client owns and stops, so that the next pages arrive while a
batch is being committed. Nothing else creates loops or threads.
"""

import asyncio
import json
import logging
import time
from collections.abc import (
    AsyncGenerator,
    Awaitable,
    Callable,
    Generator,
    Iterable,
    Iterator,
    Mapping,
)
from contextlib import aclosing, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import anyio
from anyio.from_thread import BlockingPortal, start_blocking_portal
from ccxt.base import errors as ccxt

from alphapulse_pipeline.exchange.ccxt_client import ClientConfig, build
from alphapulse_pipeline.exchange.errors import (
    MISREAD,
    ExchangeFailure,
    failure,
)
from alphapulse_pipeline.exchange.isolated_rows import isolating
from alphapulse_pipeline.exchange.rate_limit import RateLimiter
from alphapulse_pipeline.exchange.request_count import one_call

K = TypeVar("K")
T = TypeVar("T")

logger = logging.getLogger(__name__)

_PAGES_AHEAD = 8
_LISTED = (
    "currenciesByNumericId",
    "hip3TokensByName",
    "marketsByNumericId",
    "networkChainIdsByNames",
    "networkNamesByChainIds",
    "spotCurrencyMapping",
    "tradingPairs",
)
"""The `options` in which ccxt's classes keep what they learn while loading markets, and which their
parsers need: HTX's fail without `networkNamesByChainIds`. Other options may hold session tokens."""
_AT_ONCE = 8
"""How many sources are read concurrently, all within the account's rate limit."""


class ExchangeClient:
    """Calls an exchange: rate-limited, retried where that helps, with every failure classified."""

    def __init__(self, config: ClientConfig, portal: BlockingPortal) -> None:
        self._config = config
        self._portal = portal
        self._clock: tuple[datetime, float] | None = None
        self.ccxt: Any = build(config)

    @property
    def requests(self) -> int:
        """The number of HTTP requests sent so far."""
        return int(self.ccxt.requests_sent)

    @property
    def limit(self) -> RateLimiter:
        """The account's rate limits, and how much of them has been used."""
        limiter: RateLimiter = self.ccxt.throttler
        return limiter

    @property
    def refused(self) -> ExchangeFailure | None:
        """Why the exchange refused the whole account, if it did: no more requests are sent then."""
        error = self.ccxt.refused
        return failure(error, self._config.environment) if error else None

    def now(self) -> datetime:
        """The exchange's time in whole milliseconds; requested once per run, never ahead of it."""
        if self._clock is None:
            self._clock = self.run(self._read_clock)
        exchange_time, read_at = self._clock
        # the monotonic clock, since this machine's date may be set during a run
        now = exchange_time + timedelta(seconds=time.monotonic() - read_at)
        return now.replace(microsecond=now.microsecond // 1000 * 1000)

    def disable_retries(self) -> None:
        """Send the next call only once: to see the first answer, whatever it is."""
        self.ccxt.max_attempts = 1

    async def request(self, method: str, params: Mapping[str, Any]) -> Any:
        """Call ccxt's implicit `method`, or a unified one with its arguments. Runs in the loop.

        A unified method returns a row that ccxt cannot parse as well: see `isolated_rows.py`.
        """
        function = getattr(self.ccxt, method)
        if not method.startswith("fetch_"):
            return await function(dict(params))
        with isolating(), one_call():
            return await function(**params)

    def run(self, function: Callable[..., Awaitable[T]], *args: Any) -> T:
        """Run a coroutine function in the loop and return its result.

        Raises `ExchangeFailure` for every error of the exchange or ccxt, including answers that
        cannot be parsed.
        """
        try:
            return self._portal.call(function, *args)
        except (TimeoutError, ccxt.BaseError, OSError) as error:
            raise failure(error, self._config.environment) from None
        except MISREAD as error:
            # chained, with the traceback: it may be our own bug
            raise failure(error, self._config.environment) from error

    def run_all(self, calls: Iterable[Awaitable[T]]) -> list[T]:
        """Run several coroutines concurrently and return their results in order.

        Raises what `run` raises; then there are no results.
        """
        return self.run(_gathered, list(calls))

    def run_each(self, calls: Mapping[K, Awaitable[T]]) -> dict[K, T | ExchangeFailure]:
        """Run several coroutines concurrently: the result of each, or its failure."""
        names = list(calls)
        results = self.run(_settled, [calls[name] for name in names])
        return {
            name: failure(result, self._config.environment)
            if isinstance(result, BaseException)
            else result
            for name, result in zip(names, results, strict=True)
        }

    def stream(
        self, sources: Mapping[K, AsyncGenerator[T, None]]
    ) -> Generator[list[tuple[K, T | Exception]], None, None]:
        """Run several async generators concurrently and yield (key, item) pairs.

        Items are fetched ahead while the caller processes earlier ones, and come in lists of those
        available. The last item of a source that fails is its error (an `ExchangeFailure` for every
        error of the exchange or ccxt); the other sources continue. Closing the generator stops all
        sources.
        """
        send, receive = self.run(_channel)
        pump = self._portal.start_task_soon(self._pump, dict(sources), send)
        try:
            while True:
                try:
                    items = self._portal.call(_take, receive)
                except anyio.EndOfStream:
                    break
                yield items
            pump.result()
        finally:
            pump.cancel()
            try:
                self._portal.call(receive.aclose)
            except RuntimeError:  # the client, and its loop, were closed first
                receive.close()

    async def _pump(self, sources: dict[Any, AsyncGenerator[Any, None]], send: Any) -> None:
        waiting = iter(sources.items())

        async def worker() -> None:
            for key, source in waiting:
                try:
                    async with aclosing(source):
                        async for item in source:
                            await send.send((key, item))
                except (TimeoutError, ccxt.BaseError, OSError, ExchangeFailure) as error:
                    await send.send((key, failure(error, self._config.environment)))
                except Exception as error:  # noqa: BLE001  the caller raises it
                    await send.send((key, error))

        async with send, anyio.create_task_group() as workers:
            for _ in range(min(_AT_ONCE, len(sources))):
                workers.start_soon(worker)

    def load_markets(self) -> str:
        """Request the exchange's markets; return the catalogue as JSON, for `restore_markets`."""
        self.run(self._load_markets)
        dropped = ("info", "networks", "fees")
        markets = [
            {k: v for k, v in market.items() if v is not None and k not in dropped}
            for market in self.ccxt.markets.values()
        ]
        options = {name: self.ccxt.options[name] for name in _LISTED if name in self.ccxt.options}
        return json.dumps({"markets": markets, "options": options})

    async def _load_markets(self) -> None:
        with one_call():
            await self.ccxt.load_markets(True)

    def restore_markets(self, catalogue: str) -> None:
        """Restore the markets that `load_markets` returned as `catalogue`; sends no request."""
        stored = json.loads(catalogue)
        # ccxt's parsers use markets found by raw id unchecked: every key must be present
        blank = self.ccxt.safe_market_structure()
        self.ccxt.set_markets([{**blank, **market} for market in stored["markets"]])
        self.ccxt.options |= stored["options"]

    async def _read_clock(self) -> tuple[datetime, float]:
        """The exchange's time, and a monotonic time at which it had certainly been reached."""
        if not self.ccxt.has.get("fetchTime"):
            return datetime.now(UTC), time.monotonic()
        # Subtracting half the round trip would be closer, but could be ahead after a retry.
        exchange_time = await self.ccxt.fetch_time()
        if exchange_time is None:
            raise ccxt.BadResponse("the answer to the request for the exchange's time has no time")
        since_1970 = timedelta(milliseconds=exchange_time)
        return datetime.fromtimestamp(0, UTC) + since_1970, time.monotonic()


@contextmanager
def open_client(config: ClientConfig) -> Iterator[ExchangeClient]:
    """A client and its loop, both closed at the end of the context."""
    with start_blocking_portal("asyncio") as portal:
        client = ExchangeClient(config, portal)
        try:
            yield client
        finally:
            portal.call(client.ccxt.close)
            client.limit.close()
            # do not wait for a stream that was not closed
            portal.call(portal.stop, True)


async def _gathered(calls: list[Awaitable[T]]) -> list[T]:
    return await asyncio.gather(*calls)


async def _settled(calls: list[Awaitable[T]]) -> list[T | BaseException]:
    return await asyncio.gather(*calls, return_exceptions=True)


async def _channel() -> Any:
    return anyio.create_memory_object_stream[Any](_PAGES_AHEAD)


async def _take(receive: Any) -> list[Any]:
    """The available items, at least one."""
    items = [await receive.receive()]
    while len(items) < _PAGES_AHEAD:
        try:
            items.append(receive.receive_nowait())
        except (anyio.WouldBlock, anyio.EndOfStream):
            break
    return items
