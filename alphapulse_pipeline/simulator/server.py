"""The server: every face at its root, the neutral truth beside them, faults in front.

`GET /__truth?at=<ms>` tells the truth, `GET /__clients` who has called private endpoints and when.
"""

import asyncio
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any, NamedTuple

import uvicorn
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route, Router
from starlette.types import Message, Receive, Scope, Send

from alphapulse_pipeline.simulator import bybit
from alphapulse_pipeline.simulator.exchange import Clock, Exchange, system_clock
from alphapulse_pipeline.simulator.faults import Fault, parse_fault
from alphapulse_pipeline.simulator.keys import Key
from alphapulse_pipeline.simulator.truth import truth
from alphapulse_pipeline.simulator.world import World

REQUESTS_KEPT = 10_000

_PAGE = "<html><head><title>{0}</title></head><body><center><h1>{0}</h1></center></body></html>"


class Seen(NamedTuple):
    """A request: the exchange's time in milliseconds, method, path, User-Agent."""

    time: int
    method: str
    path: str
    client: str


class Simulator:
    """A running server. Its clock and its faults can be changed while it runs."""

    def __init__(self, exchange: Exchange, host: str, port: int, faults: Iterable[str]) -> None:
        self._exchange = exchange
        self._faults: list[Fault] = []
        self.port = port
        self.url = f"http://{host}:{port}"
        self.requests: deque[Seen] = deque(maxlen=REQUESTS_KEPT)
        self.set_faults(*faults)
        self._router = Router(
            [
                Route("/__truth", self._truth),
                Route("/__clients", self._clients),
                *bybit.routes(exchange),
            ],
            default=_unknown,
        )

    @property
    def world(self) -> World:
        return self._exchange.world

    def now(self) -> int:
        """The exchange's time, in milliseconds."""
        return self._exchange.now()

    def set_clock(self, clock: Clock) -> None:
        self._exchange.clock = clock

    def set_faults(self, *faults: str) -> None:
        """Replaces all faults. Raises ValueError where one cannot be understood."""
        parsed = [parse_fault(fault) for fault in faults]
        self._exchange.clock_ahead = sum(int(f.value) for f in parsed if f.kind == "clock")
        self._faults = [fault for fault in parsed if fault.kind != "clock"]

    def clients(self) -> list[dict[str, Any]]:
        """Who has called private endpoints: client, first, last (real milliseconds), requests."""
        return [asdict(client) for client in self._exchange.clients.values()]

    def truth(self, at: int | None = None, *, forgotten: bool = False) -> dict[str, Any]:
        moment = self.now() if at is None else at
        return truth(self.world, moment, forgotten=forgotten)

    # -- ASGI --------------------------------------------------------------------------------

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        if not path.startswith("/__"):
            agent = dict(scope["headers"]).get(b"user-agent", b"").decode("latin-1")
            self.requests.append(Seen(self.now(), scope["method"], path, agent))
            for fault in self._faults:
                if fault.strikes(path):
                    if fault.kind == "delay":
                        await asyncio.sleep(float(fault.value))
                    elif fault.kind == "cut-body":
                        send = _cutting(send)
                    elif fault.kind == "refuse":
                        await _hang_up(send)
                        return
                    else:
                        await self._broken(fault, path)(scope, receive, send)
                        return
        await self._router(scope, receive, send)

    def _broken(self, fault: Fault, path: str) -> Response:
        if fault.kind == "html":
            return HTMLResponse(_PAGE.format("Just a moment..."))
        if fault.kind == "empty-body":
            return Response(b"", media_type="application/json")
        if fault.kind == "status":
            return HTMLResponse(_PAGE.format(f"{fault.value}"), int(fault.value))
        return bybit.refusal(int(fault.value), self.now())

    def _truth(self, request: Request) -> Response:
        # not a coroutine: starlette gives it a thread, so that faces go on answering
        asked = request.query_params.get("at")
        at = int(asked) if asked else None
        forgotten = request.query_params.get("forgotten") == "1"
        return JSONResponse(self.truth(at, forgotten=forgotten))

    async def _clients(self, request: Request) -> Response:
        return JSONResponse(self.clients())


@contextmanager
def serve(
    world: World,
    host: str = "127.0.0.1",
    port: int = 0,
    clock: Clock | None = None,
    faults: Sequence[str] = (),
    keys: Iterable[Key] = (Key(),),
) -> Iterator[Simulator]:
    """Serves `world` from a thread for as long as the context lasts; port 0 takes a free one."""
    listener = _listen(host, port)
    simulator = _simulator(world, listener, clock, faults, keys)
    server = uvicorn.Server(_config(simulator))
    thread = threading.Thread(
        target=server.run, kwargs={"sockets": [listener]}, name="simulator", daemon=True
    )
    thread.start()
    while not server.started:
        if not thread.is_alive():
            raise RuntimeError("the simulator did not start")
        time.sleep(0.002)
    try:
        yield simulator
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


def run(
    world: World,
    host: str = "127.0.0.1",
    port: int = 0,
    clock: Clock | None = None,
    faults: Sequence[str] = (),
    keys: Iterable[Key] = (Key(),),
    on_start: Callable[[Simulator], None] = lambda simulator: None,
) -> None:
    """Serves `world` in the foreground until Ctrl-C or SIGTERM; `on_start` learns where."""
    listener = _listen(host, port)
    simulator = _simulator(world, listener, clock, faults, keys)
    on_start(simulator)
    uvicorn.Server(_config(simulator)).run(sockets=[listener])


def _listen(host: str, port: int) -> socket.socket:
    """Raises OSError where the port is taken."""
    return socket.create_server((host, port), backlog=256)


def _simulator(
    world: World,
    listener: socket.socket,
    clock: Clock | None,
    faults: Sequence[str],
    keys: Iterable[Key],
) -> Simulator:
    exchange = Exchange(world, clock or system_clock, keys)
    host, port = listener.getsockname()[:2]
    return Simulator(exchange, host, port, faults)


def _config(simulator: Simulator) -> uvicorn.Config:
    return uvicorn.Config(
        simulator,
        log_config=None,
        access_log=False,
        lifespan="off",
        ws="none",
        proxy_headers=False,
        server_header=False,
        date_header=True,
        timeout_graceful_shutdown=1,
    )


async def _unknown(scope: Scope, receive: Receive, send: Send) -> None:
    await HTMLResponse(_PAGE.format("404 Not Found"), 404)(scope, receive, send)


async def _hang_up(send: Send) -> None:
    # uvicorn gives no public way to close a connection without an answer
    transport: asyncio.Transport = send.__self__.transport  # type: ignore[attr-defined]
    transport.abort()
    # let the server notice, or it would report an application that did not answer
    await asyncio.sleep(0.01)


def _cutting(send: Send) -> Send:
    async def cut(message: Message) -> None:
        if message["type"] == "http.response.start":
            kept = [pair for pair in message["headers"] if pair[0].lower() != b"content-length"]
            message = {**message, "headers": kept}
        elif message["type"] == "http.response.body":
            body = message["body"]
            message = {**message, "body": body[: len(body) // 2]}
        await send(message)

    return cut
