"""The server: all exchanges at the root, faults injected in front, and control endpoints.

`GET /__truth?exchange=okx&at=<ms>` returns the truth of an exchange (default: Bybit), `GET
/__clients` the callers of private endpoints. `GET /__faults` lists the faults and how often each
has fired, `POST /__faults` replaces them with those in the body, a JSON list of strings. Web pages
of other sites are refused.
"""

import json
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

from exchange_simulator.control_guard import objection
from exchange_simulator.exchanges import EXCHANGES
from exchange_simulator.faults import Faults, parse_fault
from exchange_simulator.faults.replacements import PAGE
from exchange_simulator.keys import Key
from exchange_simulator.simulated_exchange import SimulatedExchange
from exchange_simulator.state import Clock, ExchangeState, ServerState, system_clock
from exchange_simulator.sub_accounts import SubAccount
from exchange_simulator.timing import Timing
from exchange_simulator.traffic import Traffic
from exchange_simulator.truth import truth
from exchange_simulator.world import World

REQUESTS_REMEMBERED = 10_000


class SeenRequest(NamedTuple):
    """A request: the exchange's time in milliseconds, method, path, User-Agent."""

    time: int
    method: str
    path: str
    client: str


class Simulator:
    """A running server. Its clock, faults and timing can be changed while it runs."""

    def __init__(
        self, world: World, server_state: ServerState, host: str, port: int, faults: Iterable[str]
    ) -> None:
        self.world = world
        self._server = server_state
        self.port = port
        self.url = f"http://{host}:{port}"
        self.requests: deque[SeenRequest] = deque(maxlen=REQUESTS_REMEMBERED)
        self._routes = {
            name: exchange.routes(ExchangeState(server_state, world.on(name)))
            for name, exchange in EXCHANGES.items()
        }
        self._router = Router(
            [
                Route("/__truth", self._truth),
                Route("/__clients", self._clients),
                Route("/__faults", self._list_faults),
                Route("/__faults", self._replace_faults, methods=["POST"]),
                *chain.from_iterable(self._routes.values()),
            ],
            default=_unknown,
        )
        self._faults = Faults(self._router, self._exchange_of, self.now, world.seed)
        self.set_faults(*faults)

    def now(self) -> int:
        """The exchanges' time in milliseconds."""
        return self._server.now()

    def set_clock(self, clock: Clock) -> None:
        self._server.clock = clock

    def set_faults(self, *faults: str) -> None:
        """Replace all faults. Raises ValueError if one cannot be parsed."""
        parsed = [parse_fault(fault) for fault in faults]
        self._server.clock_ahead = sum(int(f.value) for f in parsed if f.kind == "clock")
        self._faults.set(parsed)

    def faults(self) -> list[dict[str, Any]]:
        """Active faults: fault, requests (matched so far), fired (how many of them), exhausted
        (whether it has reached its maximum)."""
        return self._faults.report()

    def set_timing(self, timing: Timing) -> None:
        """Replace the timing and reset its effects: expired rows reappear and the clock steps
        back."""
        self._server.set_timing(timing)

    def set_sub_accounts(self, *listed: SubAccount) -> None:
        """Replace the sub-accounts that a master account's key lists on every exchange."""
        self._server.sub_accounts = listed

    def clients(self) -> list[dict[str, Any]]:
        """Callers of private endpoints: client, first, last (real milliseconds), requests."""
        return [asdict(client) for client in self._server.clients.values()]

    def truth(
        self, at: int | None = None, *, exchange: str = "bybit", expired: bool = False
    ) -> dict[str, Any]:
        """The truth of the account on one exchange at `at` (default: now). Raises ValueError for an
        unknown exchange."""
        moment = self.now() if at is None else at
        return truth(self.world.on(exchange), moment, expired=expired)

    # -- ASGI --------------------------------------------------------------------------------

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        if path.startswith("/__"):
            if problem := objection(Request(scope)):
                await JSONResponse({"error": problem}, 403)(scope, receive, send)
            else:
                await self._router(scope, receive, send)
            return
        agent = dict(scope["headers"]).get(b"user-agent", b"").decode("latin-1")
        self.requests.append(SeenRequest(self.now(), scope["method"], path, agent))
        await self._faults(scope, receive, send)

    def _exchange_of(self, scope: Scope) -> SimulatedExchange:
        for name, routes in self._routes.items():
            if any(route.matches(scope)[0] is not Match.NONE for route in routes):
                return EXCHANGES[name]
        return EXCHANGES["bybit"]

    def _truth(self, request: Request) -> Response:
        # synchronous, so that starlette runs it in a thread and the exchanges keep answering
        asked = request.query_params.get("at")
        at = int(asked) if asked else None
        expired = request.query_params.get("expired") == "1"
        exchange = request.query_params.get("exchange", "bybit")
        if exchange not in EXCHANGES:
            return JSONResponse(
                {"error": f"unknown exchange {exchange!r}; one of {', '.join(EXCHANGES)}"}, 404
            )
        return JSONResponse(self.truth(at, exchange=exchange, expired=expired))

    async def _clients(self, request: Request) -> Response:
        return JSONResponse(self.clients())

    async def _list_faults(self, request: Request) -> Response:
        return JSONResponse(self.faults())

    async def _replace_faults(self, request: Request) -> Response:
        try:
            faults = json.loads(await request.body())
            if not isinstance(faults, list) or not all(isinstance(f, str) for f in faults):
                raise ValueError('the body is not a list of faults, such as ["html@20%"]')
            self.set_faults(*faults)
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
    timing: Timing = Timing(),  # noqa: B008 - frozen
    limits: bool = True,
    traffic: Traffic = Traffic(),  # noqa: B008 - frozen
) -> Iterator[Simulator]:
    """Serve `world` and its siblings on the other exchanges from a thread until the context ends.
    Port 0 picks a free port; `limits=False` disables rate limits, `traffic` changes them."""
    listener = _listen(host, port)
    simulator = _simulator(world, listener, clock, faults, keys, limits, traffic)
    simulator.set_timing(timing)
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
    """Serve `world` and its siblings in the foreground until Ctrl-C or SIGTERM. `on_start` receives
    the simulator, which knows its address."""
    listener = _listen(host, port)
    simulator = _simulator(world, listener, clock, faults, keys, limits=True)
    on_start(simulator)
    uvicorn.Server(_config(simulator)).run(sockets=[listener])


def _listen(host: str, port: int) -> socket.socket:
    """Raises OSError if the port is taken."""
    return socket.create_server((host, port), backlog=256)


def _simulator(
    world: World,
    listener: socket.socket,
    clock: Clock | None,
    faults: Sequence[str],
    keys: Iterable[Key],
    limits: bool,
    traffic: Traffic = Traffic(),  # noqa: B008 - frozen
) -> Simulator:
    host, port = listener.getsockname()[:2]
    server_state = ServerState(clock or system_clock, keys, limits, traffic)
    return Simulator(world, server_state, host, port, faults)


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
