"""One endpoint that lists things, as data: how it is asked, and where the facts stand in its rows.

How its pages are put together, and what they prove, is its `paging`: see `walker/`.
"""

from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Protocol, runtime_checkable

from alphapulse_pipeline.exchange.errors import Unreadable

MILLISECOND = timedelta(milliseconds=1)
MARGIN = 1000
"""Milliseconds by which a window is asked for too long at both ends, as exchanges leave out the
ends or cut them down to seconds."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_VALUE = (str, int)

Raw = dict[str, Any]
"""A row as the exchange sent it."""


class Caller(Protocol):
    """What pages are asked of: a client's `request`."""

    async def __call__(self, method: str, params: Mapping[str, Any]) -> Any: ...


@dataclass(frozen=True, slots=True)
class Page:
    """Rows, and the half-open range of milliseconds that is complete with them."""

    rows: list[Raw]
    start: int
    end: int
    doubt: str = ""
    """Why the range is not proved, where an empty answer may mean that too little is kept."""


class Paging(Protocol):
    """How pages follow on each other, and what they prove."""

    def walk(
        self, call: Caller, feed: "Feed", start: int, end: int, after: str | None
    ) -> AsyncGenerator[Page, None]:
        """All pages of `[start, end)`, milliseconds; together they prove all of it.

        `after` is the greatest known id before `start`, for feeds that go by ids. Raises
        `Incomplete` where the answers do not prove that nothing is missing.
        """
        ...


@runtime_checkable
class Listing(Protocol):
    """A paging that can tell all that there is now, without a window."""

    async def everything(self, call: Caller, feed: "Feed") -> list[Raw]: ...


def at(*path: str) -> Callable[[Any], Any]:
    """Reads what stands at `path` in an answer or a row; None where there is nothing."""

    def read(answer: Any) -> Any:
        for part in path:
            answer = answer.get(part) if isinstance(answer, Mapping) else None
        return answer

    return read


def milliseconds(name: str) -> Callable[[Raw], int | None]:
    """Reads a time that is written in milliseconds."""
    return lambda row: int(text) if (text := str(row.get(name) or "")).isdigit() else None


def seconds(name: str) -> Callable[[Raw], int | None]:
    """Reads a time that is written in seconds, with decimals; cut down to milliseconds."""

    def read(row: Raw) -> int | None:
        try:
            return int(Decimal(str(row.get(name))) * 1000)
        except InvalidOperation:
            return None

    return read


def between(start: str, end: str) -> Callable[[int, int], Mapping[str, Any]]:
    """Parameters of a window whose ends are milliseconds, both included."""
    return lambda first, last: {start: first, end: last}


def _itself(answer: Any) -> Any:
    return answer


def _none(row: Raw) -> int | None:
    return None


def _nothing(first: int, last: int) -> Mapping[str, Any]:
    return {}


@dataclass(frozen=True)
class Feed:
    """How one listing endpoint is asked."""

    method: str
    """ccxt's implicit method; or a unified one, `fetch_...`, called with `params` as keywords."""
    paging: Paging
    params: Mapping[str, Any] = field(default_factory=dict)
    rows: Callable[[Any], Any] = _itself
    """Where the rows stand in the answer."""
    time: Callable[[Raw], int | None] = _none
    """The time, in milliseconds, that windows and order go by."""
    between: Callable[[int, int], Mapping[str, Any]] = _nothing
    """First and last millisecond of a window, both included -> the parameters that ask for it."""
    needs: tuple[str, ...] = ()
    """Fields that every row has, and not null: what is stored comes from them."""
    flags: tuple[str, ...] = ()
    """The same of fields that are true or false: as text, both would be taken for true."""
    window: timedelta | None = None
    """The longest window that the exchange accepts. It must be told here: an exchange that answers
    silently with less than it was asked for is not found out."""
    horizon: timedelta | None = None
    """How far back the exchange serves at all."""

    async def everything(self, call: Caller) -> list[Raw]:
        """All rows of a feed that lists what is open or held now."""
        if not isinstance(self.paging, Listing):
            raise TypeError(f"{self.method} is asked for windows only")
        return await self.paging.everything(call, self)

    def read(self, answer: Any) -> list[Raw]:
        """The rows of an answer. Raises `Unreadable` where there are none, or not as they were."""
        rows = self.rows(answer)
        if not isinstance(rows, list):
            raise Unreadable(f"{self.method} answered without the rows that it should list")
        for row in rows:
            require(row, self.needs, self.method)
            for name in self.flags:
                if not isinstance(row.get(name), bool):
                    raise Unreadable(f"{self.method} answered a row whose {name} is no yes or no")
        return rows

    def moment(self, row: Raw) -> int:
        """A row's time. Raises `Unreadable` where it has none: no window would hold it."""
        found = self.time(row)
        if not found:  # 0 is how some write "never"
            raise Unreadable(f"{self.method} answered a row without its time")
        return found

    def windows(self, start: int, end: int, margin: int = MARGIN) -> Iterator[tuple[int, int]]:
        """`[start, end)` in windows that the exchange accepts, `margin` and all, newest first."""
        longest = self.window // MILLISECOND - 2 * margin if self.window else end - start
        while end > start:
            begin = max(start, end - longest)
            yield begin, end
            end = begin


def require(row: Any, needs: Iterable[str], method: str) -> None:
    """Raises `Unreadable` where a row lacks a field, or has something else there than a value."""
    if not isinstance(row, dict):
        raise Unreadable(f"{method} answered a row that is none")
    for name in needs:
        value = row.get(name)
        if isinstance(value, _VALUE):
            continue
        if value is None:
            raise Unreadable(f"{method} answered a row without its {name}")
        raise Unreadable(f"{method} answered a row whose {name} is a {type(value).__name__}")


def to_milliseconds(time: datetime) -> int:
    """Raises `ValueError` for a time between two milliseconds: rows at its edge could be missed."""
    whole, rest = divmod(time - _EPOCH, MILLISECOND)
    if rest:
        raise ValueError(f"{time} is not a whole millisecond: rows at its edge could be missed")
    return whole


def to_time(milliseconds: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=milliseconds)
