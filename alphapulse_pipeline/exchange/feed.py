"""A feed: one listing endpoint as data, with its parameters and the fields of its rows.

Its `paging` says how its pages are read and what they prove: see `walker/`.
"""

from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from itertools import chain
from operator import itemgetter
from typing import Any, Protocol, runtime_checkable

from alphapulse_pipeline.datasets.values import bounded
from alphapulse_pipeline.exchange.documented import Documented
from alphapulse_pipeline.exchange.errors import MISREAD, Unreadable

MILLISECOND = timedelta(milliseconds=1)
MARGIN = 1000
"""Milliseconds by which requested windows are widened at both ends, since exchanges exclude the
ends or truncate them to seconds."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = 4_102_444_800_000
"""The year 2100 in milliseconds: what is beyond it is no time in milliseconds."""
_VALUE = (str, int)
_PLAIN = frozenset(_VALUE)

Raw = dict[str, Any]
"""A row as the exchange sent it."""


class Caller(Protocol):
    """Sends the requests for pages: a client's `request`."""

    async def __call__(self, method: str, params: Mapping[str, Any]) -> Any: ...


@dataclass(frozen=True, slots=True)
class Page:
    """Rows, and the half-open range of milliseconds that they are complete for."""

    rows: list[Raw]
    """A row without a readable time comes with every page whose range it may be in."""
    start: int
    end: int
    unverified: str = ""
    """Why the range is not proven, if the exchange may have deleted its rows; otherwise empty."""
    any_time: bool = False
    """Whether its rows may be of other times than the range, and are returned for no other."""


class Paging(Protocol):
    """How pages follow each other, and what they prove."""

    def walk(
        self, call: Caller, feed: "Feed", start: int, end: int, after: str | None
    ) -> AsyncGenerator[Page, None]:
        """All pages of `[start, end)`, in milliseconds; together they prove the whole range.

        `after` is the greatest known id before `start`, for feeds paged by id. Raises `Incomplete`
        if the answers do not prove that no row is missing.
        """
        ...


@runtime_checkable
class Listing(Protocol):
    """A paging that can list everything there is now, without a window."""

    async def everything(self, call: Caller, feed: "Feed") -> list[Raw]: ...


def at(*path: str) -> Callable[[Any], Any]:
    """Reads the value at `path` in an answer or a row; None if there is none."""

    def read(answer: Any) -> Any:
        for part in path:
            answer = answer.get(part) if isinstance(answer, Mapping) else None
        return answer

    return read


def milliseconds(name: str) -> Callable[[Raw], int | None]:
    """Reads a time in milliseconds."""
    return lambda row: int(text) if (text := str(row.get(name) or "")).isdigit() else None


def seconds(name: str) -> Callable[[Raw], int | None]:
    """Reads a time in seconds with decimals, truncated to milliseconds."""

    def read(row: Raw) -> int | None:
        try:
            return int(bounded(Decimal(str(row.get(name)))) * 1000)
        except (InvalidOperation, ValueError):
            return None

    return read


def between(start: str, end: str) -> Callable[[int, int], Mapping[str, Any]]:
    """Parameters of a window in milliseconds, both ends included."""
    return lambda first, last: {start: first, end: last}


def _identity(answer: Any) -> Any:
    return answer


def _no_time(row: Raw) -> int | None:
    return None


def _no_params(first: int, last: int) -> Mapping[str, Any]:
    return {}


@dataclass(frozen=True)
class Feed:
    """How one listing endpoint is requested and read."""

    method: str
    """ccxt's implicit method, or a unified one, `fetch_...`, called with `params` as keywords."""
    paging: Paging
    params: Mapping[str, Any] = field(default_factory=dict)
    rows: Callable[[Any], Any] = _identity
    """Extracts the rows from the answer."""
    time: Callable[[Raw], int | None] = _no_time
    """A row's time in milliseconds, by which the endpoint filters and sorts."""
    between: Callable[[int, int], Mapping[str, Any]] = _no_params
    """First and last millisecond of a window, both included -> its parameters."""
    required: tuple[str, ...] = ()
    """Fields that every row must have, not null: stored columns are read from them."""
    flags: tuple[str, ...] = ()
    """Required fields that must be booleans: as text, both values would be truthy."""
    window: timedelta | None = None
    """The longest window that the exchange accepts. It must be correct: an exchange that silently
    answers for a shorter window is not detected."""
    horizon: timedelta | None = None
    """The exchange's retention: how far back it serves rows."""
    begins: datetime | None = None
    """The oldest time that the exchange has ever kept rows of."""
    limit: str = "limit"
    """The parameter for the number of rows per answer."""
    documented: Documented | None = None
    """What the exchange's page says; None for exchanges read through ccxt alone."""

    @property
    def whole_below(self) -> int | None:
        """See `Documented.whole_below`."""
        if self.documented is None:
            return None
        return self.documented.whole_below(self._requested)

    def honors_limit(self, rows: int) -> bool:
        """See `Documented.honors`."""
        return self.documented is not None and self.documented.honors(self._requested, rows)

    @property
    def _requested(self) -> int | None:
        requested = self.params.get(self.limit)
        return None if requested is None else int(requested)

    async def everything(self, call: Caller) -> list[Raw]:
        """All rows of a feed that lists what is currently open or held."""
        if not isinstance(self.paging, Listing):
            raise TypeError(f"{self.method} can only be requested for windows")
        return await self.paging.everything(call, self)

    def read(self, answer: Any) -> list[Raw]:
        """The rows of an answer, unchecked; one that is no object becomes `{"": row}`.

        Raises `Unreadable` if there is no list.
        """
        try:
            rows = self.rows(answer)
        except MISREAD:
            rows = None
        if not isinstance(rows, list):
            raise Unreadable(f"the answer of {self.method} has no list of rows")
        return [row if isinstance(row, dict) else {"": row} for row in rows]

    def all_sound(self, rows: Sequence[Raw]) -> bool:
        """Whether `check` accepts all of the rows; False if that cannot be seen at a glance."""
        if len(self.required) < 2:
            return False
        try:
            fields = chain.from_iterable(map(itemgetter(*self.required), rows))
            plain = _PLAIN.issuperset(map(type, fields))
            flags = [row[name] for name in self.flags for row in rows]
        except KeyError:
            return False
        timed = self.time is _no_time or None not in map(self.moment, rows)
        return plain and timed and {bool}.issuperset(map(type, flags))

    def check(self, row: Raw) -> None:
        """Raises `Unreadable` if a row lacks a required field, or its time."""
        require(row.get("", row), self.required, self.method)
        for name in self.flags:
            if not isinstance(row.get(name), bool):
                raise Unreadable(f"a row of {self.method} has a {name} that is not a boolean")
        if self.time is not _no_time and self.moment(row) is None:
            raise Unreadable(f"a row of {self.method} has no time")

    def moment(self, row: Raw) -> int | None:
        """A row's time; None if it has none that can be read."""
        try:
            found = self.time(row)
        except MISREAD:
            return None
        # some exchanges write 0 for "never"
        return found if found and 0 < found < _LATEST else None

    def times(self, rows: Iterable[Raw]) -> list[int]:
        """The times of those rows whose time can be read."""
        return [time for row in rows if (time := self.moment(row)) is not None]

    def within(self, rows: Iterable[Raw], start: int, end: int) -> list[Raw]:
        """The rows of `[start, end)`, without those whose time cannot be read."""
        return [
            row for row in rows if (time := self.moment(row)) is not None and start <= time < end
        ]

    def untimed(self, rows: Iterable[Raw]) -> list[Raw]:
        """The rows whose time cannot be read."""
        return [row for row in rows if self.moment(row) is None]

    def windows(self, start: int, end: int, margin: int = MARGIN) -> Iterator[tuple[int, int]]:
        """`[start, end)` in windows that, with `margin`, the exchange accepts; newest first."""
        longest = self.window // MILLISECOND - 2 * margin if self.window else end - start
        while end > start:
            begin = max(start, end - longest)
            yield begin, end
            end = begin


def require(row: Any, required: Iterable[str], method: str) -> None:
    """Raises `Unreadable` if a row lacks a required field, or the field is not a plain value."""
    if not isinstance(row, dict):
        raise Unreadable(f"a row of {method} is a {type(row).__name__}, not an object")
    for name in required:
        value = row.get(name)
        if isinstance(value, _VALUE) and not isinstance(value, bool):
            continue
        if value is None:
            raise Unreadable(f"a row of {method} has no {name}")
        raise Unreadable(f"a row of {method} has a {name} that is a {type(value).__name__}")


def to_milliseconds(time: datetime) -> int:
    """Raises `ValueError` for a time that is not a whole millisecond."""
    whole, rest = divmod(time - _EPOCH, MILLISECOND)
    if rest:
        raise ValueError(f"{time} is not a whole millisecond: rows at the edge could be missed")
    return whole


def to_time(milliseconds: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=milliseconds)
