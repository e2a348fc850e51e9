"""State of the running server and of each exchange in it: world, keys, clock, callers, and the
histories as they are visible now."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Protocol, TypeVar

from exchange_simulator.keys import Key
from exchange_simulator.records import Order
from exchange_simulator.sub_accounts import SubAccount
from exchange_simulator.timeline import Timeline
from exchange_simulator.timing import Timing
from exchange_simulator.traffic import Traffic
from exchange_simulator.world import World

Clock = Callable[[], int]
"""Milliseconds since 1970."""


def system_clock() -> int:
    return time.time_ns() // 1_000_000


ALTERED_KEY: ContextVar[Callable[[Key], Key]] = ContextVar("ALTERED_KEY", default=lambda key: key)
"""Changes to the keys that apply to the request being answered."""

Span = Callable[[int, int, int], tuple[int, int]]
"""(first, last, now) -> the first and last millisecond that are read instead, both inclusive."""

ALTERED_SPAN: ContextVar[Span] = ContextVar(
    "ALTERED_SPAN", default=lambda first, last, now: (first, last)
)
"""A change to the spans of the histories that are read for the request being answered."""


class Numbered(Protocol):
    @property
    def number(self) -> int: ...


Row = TypeVar("Row", bound=Numbered)


@dataclass(slots=True)
class Client:
    """A caller of private endpoints, identified by its User-Agent. Times are real milliseconds."""

    client: str
    first: float
    last: float
    requests: int


class ServerState:
    """State shared by all exchanges of a server."""

    def __init__(
        self,
        clock: Clock,
        keys: Iterable[Key],
        limits: bool,
        traffic: Traffic = Traffic(),  # noqa: B008 - frozen
    ) -> None:
        self.clock = clock
        self.traffic = traffic
        self.clock_ahead = 0
        self._keys = {key.key: key for key in keys}
        self.limits = limits
        self.clients: dict[str, Client] = {}
        self.timing = Timing()
        self.sub_accounts: tuple[SubAccount, ...] = ()
        self.requests = 0
        """Private requests since the timing was set."""

    @property
    def keys(self) -> dict[str, Key]:
        altered = ALTERED_KEY.get()
        return {name: altered(key) for name, key in self._keys.items()}

    @property
    def clock_steps(self) -> int:
        """Milliseconds by which requests have advanced the clock."""
        return self.timing.clock_step * self.requests

    def now(self) -> int:
        return self.clock() + self.clock_ahead + self.clock_steps

    def set_timing(self, timing: Timing) -> None:
        self.timing, self.requests = timing, 0

    def note_client(self, user_agent: str) -> None:
        self.requests += 1
        # real time, whatever the exchange's clock says: this is used to detect concurrent callers
        now = time.time_ns() / 1_000_000
        client = self.clients.get(user_agent)
        if client is None:
            self.clients[user_agent] = Client(user_agent, now, now, 1)
        else:
            client.last = now
            client.requests += 1


class ExchangeState:
    """State of one exchange. Endpoints must read histories only through `newest_first`,
    `oldest_first` and `visible`, which know what has happened by now and which rows are still
    hidden."""

    def __init__(self, server_state: ServerState, world: World) -> None:
        self._server = server_state
        self.world = world

    @property
    def keys(self) -> dict[str, Key]:
        return self._server.keys

    @property
    def limits(self) -> bool:
        """Whether rate limits are enforced."""
        return self._server.limits

    @property
    def traffic(self) -> Traffic:
        return self._server.traffic

    @property
    def sub_accounts(self) -> tuple[SubAccount, ...]:
        """Those of the master account, the oldest first."""
        return tuple(sorted(self._server.sub_accounts, key=lambda sub: sub.created_at))

    def now(self) -> int:
        """The exchange's time in milliseconds."""
        return self._server.now()

    def real_time(self) -> float:
        """Seconds, for the windows of rate limits."""
        return time.time() * self._server.traffic.speed

    def in_time(self, stamp: int, window: int, ahead: int = 1000) -> bool:
        """Whether a request signed at `stamp` is at most `window` old and at most `ahead` in the
        future (all in milliseconds).

        A request is not rejected because earlier requests have advanced the clock
        (`Timing.clock_step`).
        """
        now = self.now()
        return now - self._server.clock_steps - window <= stamp < now + ahead

    def note_client(self, user_agent: str) -> None:
        """Must be called once per private request."""
        self._server.note_client(user_agent)

    def newest_first(
        self,
        timeline: Timeline[Row],
        start: int,
        end: int,
        now: int,
        *,
        from_index: int | None = None,
    ) -> Iterator[tuple[int, Row]]:
        """The visible rows in `[start, end]` (ms, both inclusive) with their indexes, from
        `from_index` downwards. A row keeps its index forever, so it can serve as a cursor."""
        span = self._span(timeline, start, end, now)
        first = span.stop - 1 if from_index is None else min(from_index, span.stop - 1)
        return self._seen(timeline, range(first, span.start - 1, -1), now)

    def oldest_first(
        self,
        timeline: Timeline[Row],
        start: int,
        end: int,
        now: int,
        *,
        from_index: int | None = None,
    ) -> Iterator[tuple[int, Row]]:
        """Like `newest_first`, from `from_index` upwards."""
        span = self._span(timeline, start, end, now)
        first = span.start if from_index is None else max(from_index, span.start)
        return self._seen(timeline, range(first, span.stop), now)

    def visible(self, timeline: Timeline[Row], row: Row, now: int) -> bool:
        """Whether a row of a timeline is visible: ended orders from when they ended, all other rows
        from when they happened."""
        moment = self._moment(timeline, row)
        if moment is None or moment < self._oldest:
            return False
        return moment + self._server.timing.delay(row.number) <= now

    # -- internals ---------------------------------------------------------------------------

    @property
    def _oldest(self) -> int:
        timing = self._server.timing
        return (
            max(self.world.genesis, timing.history_start)
            + timing.history_step * self._server.requests
        )

    def _span(self, timeline: Timeline[Row], start: int, end: int, now: int) -> range:
        self.world.advance_to(now)
        first, last = ALTERED_SPAN.get()(start, end, now)
        return timeline.span(max(first, self._oldest), min(last, now))

    def _seen(self, timeline: Timeline[Row], indexes: range, now: int) -> Iterator[tuple[int, Row]]:
        delay = self._server.timing.delay
        for index in indexes:
            row = timeline.rows[index]
            if timeline.time(index) + delay(row.number) <= now:
                yield index, row

    def _moment(self, timeline: Timeline[Row], row: Row) -> int | None:
        if not isinstance(row, Order):
            moment: int = row.happened_at  # type: ignore[attr-defined]
            return moment
        return row.ended_at if timeline is self.world.account.ended else row.created_at
