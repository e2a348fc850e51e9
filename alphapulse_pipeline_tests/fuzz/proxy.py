"""A server between a client and the simulator, which can change an answer on its way."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import parse_qsl

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from exchange_simulator.faults.answer import Answer, answer_of, deliver

_SIGNING = frozenset({"timestamp", "signature", "recvWindow", "nonce"})
_MOST = 5000
"""Answers that are kept: what a changed answer makes a client ask for has no end."""


class Request(NamedTuple):
    """A request, without what is different each time."""

    path: str
    params: tuple[tuple[str, str], ...]


def request_of(path: str, query: str, body: str) -> Request:
    pairs = parse_qsl(f"{query}&{body}")
    return Request(path, tuple(sorted(pair for pair in pairs if pair[0] not in _SIGNING)))


@dataclass
class Interference:
    """Which answers are changed, and what was asked meanwhile."""

    of: Request | str = ""
    """A request, of which only the first answer is changed, or a path, of which all are."""
    body: bytes = b""
    asked: list[Request] = field(default_factory=list)

    def answer(self, request: Request, unchanged: Answer) -> Answer:
        """What the client is to receive."""
        if self.of not in (request, request.path):
            return unchanged
        if self.of == request:
            self.of = ""
        return Answer(unchanged.status, unchanged.headers, self.body)


@dataclass
class Proxy:
    """Answers come from the simulator once, and from memory when they are asked for again."""

    app: ASGIApp
    url: str = ""
    interference: Interference = field(default_factory=Interference)
    answers: dict[Request, Answer] = field(default_factory=dict)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await _body(receive)
        query = scope["query_string"].decode("latin-1")
        request = request_of(scope["path"], query, body.decode("latin-1"))
        answer = self.answers.get(request)
        if answer is None:
            answer = await answer_of(self.app, scope, _replay(body))
            if len(self.answers) < _MOST:
                self.answers[request] = answer
        self.interference.asked.append(request)
        await deliver(self.interference.answer(request, answer), send)


@contextmanager
def between(app: ASGIApp) -> Iterator[Proxy]:
    """A running proxy in front of `app`."""
    proxy = Proxy(app)
    config = uvicorn.Config(
        proxy,
        port=0,
        log_config=None,
        access_log=False,
        lifespan="off",
        ws="none",
        timeout_keep_alive=3600,  # the client's loop stands still between its calls
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, name="proxy", daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the proxy did not start"
        time.sleep(0.002)
    port = server.servers[0].sockets[0].getsockname()[1]
    proxy.url = f"http://127.0.0.1:{port}"
    try:
        yield proxy
    finally:
        server.should_exit = True
        thread.join()


async def _body(receive: Receive) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


def _replay(body: bytes) -> Receive:
    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive
