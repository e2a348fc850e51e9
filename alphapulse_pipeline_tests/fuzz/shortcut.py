"""A client without a thread and, where nothing is new in a request, without a socket.

The client's own code still signs the request, decodes and parses the answer, and classifies it.
"""

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from http import HTTPStatus
from typing import Any

import aiohttp
from yarl import URL

from alphapulse_pipeline.exchange.http_session import bounded_response
from alphapulse_pipeline_tests.fuzz.proxy import Interference, Proxy, request_of
from exchange_simulator.faults.answer import Answer

INTERFERENCE: ContextVar[Interference | None] = ContextVar("INTERFERENCE", default=None)
"""What happens to the requests of this task, if it is not what happens to all."""


class Shortcut:
    """An HTTP session that has the proxy's answers without asking it."""

    def __init__(self, session: aiohttp.ClientSession, proxy: Proxy) -> None:
        self._session = session
        self._proxy = proxy
        self.headers = session.headers
        self.open = False

    @contextmanager
    def taken(self) -> Iterator[None]:
        self.open = True
        try:
            yield
        finally:
            self.open = False

    def get(self, url: URL, **request: Any) -> Any:
        return self._request("GET", url, **request)

    def post(self, url: URL, **request: Any) -> Any:
        return self._request("POST", url, **request)

    async def close(self) -> None:
        await self._session.close()

    @asynccontextmanager
    async def _request(self, method: str, url: URL, **request: Any) -> AsyncIterator[Any]:
        if not self.open:
            async with self._session.request(method, url, **request) as response:
                yield response
            return
        own = INTERFERENCE.get()
        interference = own or self._proxy.interference
        form = (request["data"] or b"").decode("latin-1")
        asked = request_of(url.path, url.raw_query_string, form)
        answer = self._proxy.answers.get(asked)
        if answer is None:
            async with self._session.request(method, url, **request) as response:
                if own is None:  # the proxy has changed it
                    yield response
                    return
                headers = [(name.encode(), v.encode()) for name, v in response.headers.items()]
                answer = Answer(response.status, headers, await response.read())
        interference.asked.append(asked)
        yield _Response(url, interference.answer(asked, answer))


class _Response:
    """An answer that is read as one of a server is."""

    def __init__(self, url: URL, answer: Answer) -> None:
        self.url = url
        self.status = answer.status
        self.reason = HTTPStatus(answer.status).phrase
        self.headers = {name.decode(): value.decode() for name, value in answer.headers}
        self.content = self
        self._body = answer.body

    text = bounded_response(64 * 2**20).text

    async def iter_any(self) -> AsyncIterator[bytes]:
        yield self._body

    def close(self) -> None:
        self._body = b""


class _Task:
    def __init__(self, loop: asyncio.AbstractEventLoop, task: asyncio.Task[Any]) -> None:
        self._loop = loop
        self._task = task

    def result(self) -> Any:
        return self._loop.run_until_complete(self._task)

    def cancel(self) -> None:
        self._task.cancel()
        self._loop.run_until_complete(asyncio.wait([self._task]))


class _Portal:
    """anyio's portal, whose loop runs only while it is called."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def call(self, function: Callable[..., Any], *args: Any) -> Any:
        return self._loop.run_until_complete(_called(function, args))

    def start_task_soon(self, function: Callable[..., Awaitable[Any]], *args: Any) -> _Task:
        return _Task(self._loop, self._loop.create_task(_called(function, args)))

    def stop(self, cancel_remaining: bool) -> None:
        """Nothing runs between the calls."""


async def _called(function: Callable[..., Any], args: tuple[Any, ...]) -> Any:
    found = function(*args)
    return await found if inspect.isawaitable(found) else found


@contextmanager
def one_thread(backend: str) -> Iterator[Any]:
    """In place of `start_blocking_portal`: a switch of threads takes longer than an example."""
    with asyncio.Runner() as runner:
        yield _Portal(runner.get_loop())
