"""The server: every face at its root, the neutral truth beside them, faults in front.

`GET /__truth?exchange=okx&at=<ms>` tells the truth of an exchange (Bybit unless it is named),
`GET /__clients` who has called private endpoints and when. `GET /__faults` tells the faults and how
often each has struck, `POST /__faults` replaces them by those in its body, which stand apart by
spaces or lines.
"""

import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from itertools import chain
from typing import Any, NamedTuple

import uvicorn
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Match, Route, Router
from starlette.types import Receive, Scope, Send

from exchange_simulator.exchange import Clock, Exchange, House, system_clock
from exchange_simulator.face import Face
from exchange_simulator.faces import FACES
from exchange_simulator.faults import Faults, parse_fault
from exchange_simulator.faults.instead import PAGE
from exchange_simulator.keys import Key
from exchange_simulator.quirks import Quirks
from exchange_simulator.truth import truth
from exchange_simulator.world import World

REQUESTS_KEPT = 10_000


class Seen(NamedTuple):
    """A request: the exchange's time in milliseconds, method, path, User-Agent."""

    time: int
    method: str
    path: str
    client: str


class Simulator:
    """A running server. Its clock, faults and quirks can be changed while it runs."""

    def __init__(
        self, world: World, house: House, host: str, port: int, faults: Iterable[str]
    ) -> None:
        self.world = world
        self._house = house
        self.port = port
        self.url = f"http://{host}:{port}"
        self.requests: deque[Seen] = deque(maxlen=REQUESTS_KEPT)
        self._routes = {
            name: face.routes(Exchange(house, world.on(name))) for name, face in FACES.items()
        }
        self._router = Router(
            [
                Route("/__truth", self._truth),
                Route("/__clients", self._clients),
                Route("/__faults", self._told_faults),
                Route("/__faults", self._new_faults, methods=["POST"]),
                *chain.from_iterable(self._routes.values()),
            ],
            default=_unknown,
        )
        self._faults = Faults(self._router, self._face, self.now, world.seed)
        self.set_faults(*faults)

    def now(self) -> int:
        """The exchanges' time, in milliseconds."""
        return self._house.now()

    def set_clock(self, clock: Clock) -> None:
        self._house.clock = clock

    def set_faults(self, *faults: str) -> None:
        """Replaces all faults. Raises ValueError where one cannot be understood."""
        parsed = [parse_fault(fault) for fault in faults]
        self._house.clock_ahead = sum(int(f.value) for f in parsed if f.kind == "clock")
        self._faults.set(parsed)

    def faults(self) -> list[dict[str, Any]]:
        """Those that are set: fault, requests (that it was about), struck (how many of them),
        healed (whether it is used up)."""
        return self._faults.told()

    def set_quirks(self, quirks: Quirks) -> None:
        """They begin anew: what they have made be forgotten or hurried is undone."""
        self._house.set_quirks(quirks)

    def clients(self) -> list[dict[str, Any]]:
        """Who has called private endpoints: client, first, last (real milliseconds), requests."""
        return [asdict(client) for client in self._house.clients.values()]

    def truth(
        self, at: int | None = None, *, exchange: str = "bybit", forgotten: bool = False
    ) -> dict[str, Any]:
        """Of the account on one exchange. Raises ValueError where there is no such exchange."""
        moment = self.now() if at is None else at
        return truth(self.world.on(exchange), moment, forgotten=forgotten)

    # -- ASGI --------------------------------------------------------------------------------

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        if path.startswith("/__"):
            await self._router(scope, receive, send)
            return
        agent = dict(scope["headers"]).get(b"user-agent", b"").decode("latin-1")
        self.requests.append(Seen(self.now(), scope["method"], path, agent))
        await self._faults(scope, receive, send)

    def _face(self, scope: Scope) -> Face:
        for name, routes in self._routes.items():
            if any(route.matches(scope)[0] is not Match.NONE for route in routes):
                return FACES[name]
        return FACES["bybit"]

    def _truth(self, request: Request) -> Response:
        # not a coroutine: starlette gives it a thread, so that faces go on answering
        asked = request.query_params.get("at")
        at = int(asked) if asked else None
        forgotten = request.query_params.get("forgotten") == "1"
        exchange = request.query_params.get("exchange", "bybit")
        if exchange not in FACES:
            return JSONResponse({"error": f"there is no exchange {exchange!r}"}, 404)
        return JSONResponse(self.truth(at, exchange=exchange, forgotten=forgotten))

    async def _clients(self, request: Request) -> Response:
        return JSONResponse(self.clients())

    async def _told_faults(self, request: Request) -> Response:
        return JSONResponse(self.faults())

    async def _new_faults(self, request: Request) -> Response:
        try:
            self.set_faults(*(await request.body()).decode().split())
        except ValueError as error:
            return JSONResponse({"error": str(error)}, 400)
        return JSONResponse(self.faults())


@contextmanager
def serve(
    world: World,
    host: str = "127.0.0.1",
    port: int = 0,
    clock: Clock | None = None,
    faults: Sequence[str] = (),
    keys: Iterable[Key] = (Key(),),
    quirks: Quirks = Quirks(),  # noqa: B008 - frozen
    limits: bool = True,
) -> Iterator[Simulator]:
    """Serves `world` and its siblings on the other exchanges from a thread for as long as the
    context lasts; port 0 takes a free one. Without `limits` nobody asks too often."""
    listener = _listen(host, port)
    simulator = _simulator(world, listener, clock, faults, keys, limits)
    simulator.set_quirks(quirks)
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
    """Serves `world` and its siblings in the foreground until Ctrl-C or SIGTERM; `on_start` learns
    where."""
    listener = _listen(host, port)
    simulator = _simulator(world, listener, clock, faults, keys, limits=True)
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
    limits: bool,
) -> Simulator:
    host, port = listener.getsockname()[:2]
    house = House(clock or system_clock, keys, limits)
    return Simulator(world, house, host, port, faults)


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
    await HTMLResponse(PAGE.format("404 Not Found"), 404)(scope, receive, send)
