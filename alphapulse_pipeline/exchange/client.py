"""One ccxt client and one event loop, for one run of one account.

The loop lives in one thread that the client owns and closes, so that the next pages arrive while
a batch is being committed. Nothing else makes a loop or a thread.
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
from alphapulse_pipeline.exchange.rate_limit import TokenBucket

K = TypeVar("K")
T = TypeVar("T")

logger = logging.getLogger(__name__)

_PAGES_AHEAD = 8
_AT_ONCE = 8
"""How many sources are read at the same time, all inside the one rate limit."""


class ExchangeClient:
    """Calls an exchange: rate-limited, retried where that helps, every failure classified."""

    def __init__(self, connection: ClientConfig, portal: BlockingPortal) -> None:
        self._connection = connection
        self._portal = portal
        self._clock: tuple[datetime, float] | None = None
        self.ccxt: Any = build(connection)

    @property
    def requests(self) -> int:
        """How many HTTP requests were sent."""
        return int(self.ccxt.requests_sent)

    @property
    def limit(self) -> TokenBucket:
        """The account's rate limit, and what of it was used."""
        bucket: TokenBucket = self.ccxt.throttler
        return bucket

    @property
    def refused(self) -> ExchangeFailure | None:
        """What the exchange refused the whole account with: it is asked nothing more."""
        error = self.ccxt.refused
        return failure(error, self._connection.environment) if error else None

    def now(self) -> datetime:
        """The exchange's time, whole milliseconds: asked once a run, never ahead of the truth."""
        if self._clock is None:
            self._clock = self.run(self._read_clock)
        there, read_at = self._clock
        # not this machine's date, which may be set while a run is under way
        now = there + timedelta(seconds=time.monotonic() - read_at)
        return now.replace(microsecond=now.microsecond // 1000 * 1000)

    def try_once(self) -> None:
        """Send the next call once: for who wants to know what comes, not to get through."""
        self.ccxt.attempts = 1

    async def request(self, method: str, params: Mapping[str, Any]) -> Any:
        """Call ccxt's implicit `method`, or a unified one with its arguments. Runs in the loop."""
        function = getattr(self.ccxt, method)
        return await (function(**params) if method.startswith("fetch_") else function(dict(params)))

    def run(self, function: Callable[..., Awaitable[T]], *args: Any) -> T:
        """The result of a coroutine function that ran in the loop.

        Raises `ExchangeFailure` for everything that an exchange or ccxt did wrong, an answer that
        cannot be taken apart included.
        """
        try:
            return self._portal.call(function, *args)
        except (TimeoutError, ccxt.BaseError, OSError) as error:
            raise failure(error, self._connection.environment) from None
        except MISREAD as error:
            # with where it happened: it may be our own mistake
            raise failure(error, self._connection.environment) from error

    def run_all(self, calls: Iterable[Awaitable[T]]) -> list[T]:
        """The results of several coroutines that ran at the same time, in their order.

        Raises what `run` raises; then none of them counts.
        """
        return self.run(_gathered, list(calls))

    def stream(
        self, sources: Mapping[K, AsyncGenerator[T, None]]
    ) -> Generator[list[tuple[K, T | Exception]], None, None]:
        """Items of several async generators that run at the same time, with whose they are.

        They are fetched ahead while the caller works on the last ones, and come in lists of what is
        there. A source that fails ends with its error as its last item (an `ExchangeFailure` for
        everything that an exchange or ccxt did wrong); the others go on. Closing the generator
        stops them all.
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
            except RuntimeError:  # the client was closed first, and its loop with it
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
                    await send.send((key, failure(error, self._connection.environment)))
                except Exception as error:  # noqa: BLE001  the caller raises it
                    await send.send((key, error))

        async with send, anyio.create_task_group() as workers:
            for _ in range(min(_AT_ONCE, len(sources))):
                workers.start_soon(worker)

    def load_markets(self) -> str:
        """Ask the exchange for its markets; the catalogue as JSON, for `restore_markets`."""
        self.run(self.ccxt.load_markets, True)
        dropped = ("info", "networks", "fees")
        markets = [
            {k: v for k, v in market.items() if v is not None and k not in dropped}
            for market in self.ccxt.markets.values()
        ]
        return json.dumps(markets)

    def restore_markets(self, catalogue: str) -> None:
        """Know the markets as they were when `load_markets` wrote `catalogue`; no request."""
        # ccxt's parsers take what is found by raw id as it is: every key must be there
        blank = self.ccxt.safe_market_structure()
        self.ccxt.set_markets([{**blank, **market} for market in json.loads(catalogue)])

    async def _read_clock(self) -> tuple[datetime, float]:
        """The exchange's time, and when on our own clock it was surely reached."""
        if not self.ccxt.has.get("fetchTime"):
            return datetime.now(UTC), time.monotonic()
        # Half the round trip would be closer, but may be ahead: a request can have been retried.
        there = await self.ccxt.fetch_time()
        if there is None:
            raise ccxt.BadResponse("the exchange was asked for its time and told none")
        return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=there), time.monotonic()


@contextmanager
def open_client(connection: ClientConfig) -> Iterator[ExchangeClient]:
    """A client, with its loop, for as long as the context lasts."""
    with start_blocking_portal("asyncio") as portal:
        client = ExchangeClient(connection, portal)
        try:
            yield client
        finally:
            portal.call(client.ccxt.close)
            # a stream that nobody closed must not be waited for
            portal.call(portal.stop, True)


async def _gathered(calls: list[Awaitable[T]]) -> list[T]:
    return await asyncio.gather(*calls)


async def _channel() -> Any:
    return anyio.create_memory_object_stream[Any](_PAGES_AHEAD)


async def _take(receive: Any) -> list[Any]:
    """What is there, at least one item."""
    items = [await receive.receive()]
    while len(items) < _PAGES_AHEAD:
        try:
            items.append(receive.receive_nowait())
        except (anyio.WouldBlock, anyio.EndOfStream):
            break
    return items
