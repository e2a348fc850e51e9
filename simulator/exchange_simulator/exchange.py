"""What every face is given: its world, the keys, the clock, who has called, and the histories as
they can be seen now."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Protocol, TypeVar

from exchange_simulator.keys import Key
from exchange_simulator.quirks import Quirks
from exchange_simulator.records import Order
from exchange_simulator.timeline import Timeline
from exchange_simulator.world import World

Clock = Callable[[], int]
"""Milliseconds since 1970."""


def system_clock() -> int:
    return time.time_ns() // 1_000_000


KEY_NOW: ContextVar[Callable[[Key], Key]] = ContextVar("KEY_NOW", default=lambda key: key)
"""What has become of the keys by the request that is being answered."""


class Numbered(Protocol):
    @property
    def number(self) -> int: ...


Row = TypeVar("Row", bound=Numbered)


@dataclass(slots=True)
class Client:
    """A caller of private endpoints, known by its User-Agent. Times are real milliseconds."""

    client: str
    first: float
    last: float
    requests: int


class House:
    """What all faces of a server share."""

    def __init__(self, clock: Clock, keys: Iterable[Key], limits: bool) -> None:
        self.clock = clock
        self.clock_ahead = 0
        self._keys = {key.key: key for key in keys}
        self.limits = limits
        self.clients: dict[str, Client] = {}
        self.quirks = Quirks()
        self.requests = 0
        """Private ones, since the quirks were set."""

    @property
    def keys(self) -> dict[str, Key]:
        altered = KEY_NOW.get()
        return {name: altered(key) for name, key in self._keys.items()}

    @property
    def hurried(self) -> int:
        """Milliseconds by which requests have moved the clock on."""
        return self.quirks.hurry * self.requests

    def now(self) -> int:
        return self.clock() + self.clock_ahead + self.hurried

    def set_quirks(self, quirks: Quirks) -> None:
        self.quirks, self.requests = quirks, 0

    def note_client(self, user_agent: str) -> None:
        self.requests += 1
        # real time, whatever the exchange's clock says: this is about who calls at the same time
        now = time.time_ns() / 1_000_000
        client = self.clients.get(user_agent)
        if client is None:
            self.clients[user_agent] = Client(user_agent, now, now, 1)
        else:
            client.last = now
            client.requests += 1


class Exchange:
    """One face's view of the house. Faces read histories through `newest_first`, `oldest_first` and
    `visible` alone: these know what has happened by now and what is held back."""

    def __init__(self, house: House, world: World) -> None:
        self._house = house
        self.world = world

    @property
    def keys(self) -> dict[str, Key]:
        return self._house.keys

    @property
    def limits(self) -> bool:
        """Whether callers may ask too often."""
        return self._house.limits

    def now(self) -> int:
        """The exchange's time, in milliseconds."""
        return self._house.now()

    def in_time(self, stamp: int, window: int, ahead: int = 1000) -> bool:
        """Whether a request that was signed at `stamp` is neither older than `window` nor from
        further in the future than `ahead` (all milliseconds).

        A clock that requests have moved on is no reason to refuse who has missed it.
        """
        now = self.now()
        return now - self._house.hurried - window <= stamp < now + ahead

    def note_client(self, user_agent: str) -> None:
        """To be called once by each private request."""
        self._house.note_client(user_agent)

    def newest_first(
        self,
        timeline: Timeline[Row],
        start: int,
        end: int,
        now: int,
        *,
        from_index: int | None = None,
    ) -> Iterator[tuple[int, Row]]:
        """The rows that can be seen in `[start, end]` (ms, both included) with their indexes, from
        `from_index` downwards. A row keeps its index for ever: it can serve as a cursor."""
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
        """As `newest_first`, from `from_index` upwards."""
        span = self._span(timeline, start, end, now)
        first = span.start if from_index is None else max(from_index, span.start)
        return self._seen(timeline, range(first, span.stop), now)

    def visible(self, timeline: Timeline[Row], row: Row, now: int) -> bool:
        """Whether one row of a timeline can be seen: ended orders from their end on, all other
        rows from when they happened."""
        moment = self._moment(timeline, row)
        if moment is None or moment < self._oldest:
            return False
        return moment + self._house.quirks.delay(row.number) <= now

    # -- inside ------------------------------------------------------------------------------

    @property
    def _oldest(self) -> int:
        quirks = self._house.quirks
        return max(self.world.genesis, quirks.begin) + quirks.forgets * self._house.requests

    def _span(self, timeline: Timeline[Row], start: int, end: int, now: int) -> range:
        self.world.live_until(now)
        return timeline.span(max(start, self._oldest), min(end, now))

    def _seen(self, timeline: Timeline[Row], indexes: range, now: int) -> Iterator[tuple[int, Row]]:
        delay = self._house.quirks.delay
        for index in indexes:
            row = timeline.rows[index]
            if timeline.time(index) + delay(row.number) <= now:
                yield index, row

    def _moment(self, timeline: Timeline[Row], row: Row) -> int | None:
        if not isinstance(row, Order):
            moment: int = row.happened_at  # type: ignore[attr-defined]
            return moment
        return row.ended_at if timeline is self.world.account.ended else row.created_at
