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


class Request(NamedTuple):
    """A request, without what is different each time."""

    path: str
    params: tuple[tuple[str, str], ...]


@dataclass
class Proxy:
    """Answers come from the simulator once, and from memory when they are asked for again."""

    app: ASGIApp
    url: str = ""
    asked: list[Request] = field(default_factory=list)
    answers: dict[Request, Answer] = field(default_factory=dict)
    changed: dict[Request | str, bytes] = field(default_factory=dict)
    """The body of the answer to a request, or to every request of a path."""
    once: bool = False
    """Whether only the first of these answers is changed."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await _body(receive)
        query = scope["query_string"].decode("latin-1") + "&" + body.decode("latin-1")
        pairs = sorted(pair for pair in parse_qsl(query) if pair[0] not in _SIGNING)
        request = Request(scope["path"], tuple(pairs))
        self.asked.append(request)
        answer = self.answers.get(request)
        if answer is None:
            answer = await answer_of(self.app, scope, _replay(body))
            if not self.changed:
                self.answers[request] = answer
        for key in (request, request.path):
            if key in self.changed:
                answer = Answer(answer.status, answer.headers, self.changed[key])
                if self.once:
                    self.changed.clear()
        await deliver(answer, send)


@contextmanager
def between(app: ASGIApp) -> Iterator[Proxy]:
    """A running proxy in front of `app`."""
    proxy = Proxy(app)
    config = uvicorn.Config(
        proxy, port=0, log_config=None, access_log=False, lifespan="off", ws="none"
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
