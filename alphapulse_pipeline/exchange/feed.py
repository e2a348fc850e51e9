"""One endpoint that lists things, and paging through it to the end.

A feed answers newest first, a page at a time, with a cursor to the next older page. A page is
believed to be the last only where the exchange gives no further cursor, never because it is
short: page sizes get lost on the way.
"""

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from alphapulse_pipeline.exchange.errors import Incomplete

MILLISECOND = timedelta(milliseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Caller(Protocol):
    """What pages are asked of: a client's `request`."""

    async def __call__(self, method: str, params: Mapping[str, Any]) -> dict[str, Any]: ...


@dataclass(frozen=True)
class Feed:
    """How one listing endpoint is asked."""

    method: str
    """ccxt's implicit method."""
    params: Mapping[str, Any]
    rows: tuple[str, ...] = ("result", "list")
    """Where the rows stand in the answer."""
    next_cursor: tuple[str, ...] = ("result", "nextPageCursor")
    cursor: str = "cursor"
    start: str = "startTime"
    end: str = "endTime"
    """Parameters of a window, milliseconds, both inclusive."""
    time: str = ""
    """The row's field, milliseconds, that windows and order go by."""
    window: timedelta | None = None
    """The longest window that the exchange accepts."""
    horizon: timedelta | None = None
    """How far back the exchange serves at all."""
    context: Mapping[str, Any] = field(default_factory=dict)
    """What the parser must know of where the rows came from."""


@dataclass(frozen=True, slots=True)
class Page:
    """Rows as the exchange sent them, and the half-open range that they complete."""

    rows: list[dict[str, Any]]
    start: datetime
    end: datetime


async def everything(call: Caller, feed: Feed) -> list[dict[str, Any]]:
    """All rows of a feed that has no windows: what is open or held now."""
    return [row async for rows, _last in _pages(call, feed, {}) for row in rows]


async def walk(
    call: Caller, feed: Feed, start: datetime, end: datetime
) -> AsyncGenerator[Page, None]:
    """All pages of `[start, end)`, newest first, each with what it proves.

    Raises `Incomplete` where the pages contradict their order, and `ValueError` for times that are
    not whole milliseconds.
    """
    longest = feed.window or (end - start)
    while end > start:
        begin = max(start, end - longest)
        proved_to = end
        window = {feed.start: _ms(begin), feed.end: _ms(end - MILLISECOND)}
        async for rows, last in _pages(call, feed, window):
            times = [_time(feed, row) for row in rows]
            if any(t < begin or t >= end for t in times):
                raise Incomplete(f"{feed.method} answered rows outside of the window asked for")
            # a row in what was proved before, or one that the page's oldest row does not bound
            if times != sorted(times, reverse=True) or (times and times[0] >= proved_to):
                raise Incomplete(f"{feed.method} answered rows that are not newest first")
            # rows of the oldest millisecond may go on in the next page
            complete_from = begin if last else min(times, default=proved_to) + MILLISECOND
            complete_from = min(complete_from, proved_to)
            yield Page(rows, complete_from, proved_to)
            proved_to = complete_from
        end = begin


async def _pages(
    call: Caller, feed: Feed, window: Mapping[str, Any]
) -> AsyncGenerator[tuple[list[dict[str, Any]], bool], None]:
    """Pages with whether each is the last."""
    asked = ""
    seen: set[str] = set()
    while True:
        params = {**feed.params, **window, **({feed.cursor: asked} if asked else {})}
        answer = await call(feed.method, params)
        rows = _find(answer, feed.rows)
        if not isinstance(rows, list):
            raise Incomplete(f"{feed.method} answered without {'.'.join(feed.rows)}")
        cursor = str(_find(answer, feed.next_cursor) or "")
        # An empty page may be followed by full ones, unless it points to itself.
        last = not cursor or (not rows and cursor == asked)
        if cursor in seen and not last:
            raise Incomplete(f"{feed.method} answered the same cursor twice")
        yield rows, last
        if last:
            return
        seen.add(cursor)
        asked = cursor


def _find(answer: Any, path: tuple[str, ...]) -> Any:
    for part in path:
        answer = answer.get(part) if isinstance(answer, dict) else None
    return answer


def _ms(time: datetime) -> int:
    milliseconds, rest = divmod(time - _EPOCH, MILLISECOND)
    if rest:
        raise ValueError(f"{time} is not a whole millisecond: rows at its edge could be missed")
    return milliseconds


def _time(feed: Feed, row: Mapping[str, Any]) -> datetime:
    milliseconds = str(row.get(feed.time) or "")
    if not milliseconds.isdigit():
        raise Incomplete(f"{feed.method} answered a row whose {feed.time} is {milliseconds!r}")
    return _EPOCH + timedelta(milliseconds=int(milliseconds))
