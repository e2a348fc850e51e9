"""One endpoint that lists things, and paging through it to the end.

A feed answers newest first, a page at a time, with a cursor to the next older page. A page is
believed to be the last only where the exchange gives no further cursor, never because it is
short: page sizes get lost on the way.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from alphapulse_pipeline.exchange.errors import Incomplete

MILLISECOND = timedelta(milliseconds=1)


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


async def walk(call: Caller, feed: Feed, start: datetime, end: datetime) -> AsyncIterator[Page]:
    """All pages of `[start, end)`, newest first, each with what it proves.

    Times must be whole milliseconds. Raises `Incomplete` where the pages contradict their order.
    """
    longest = feed.window or (end - start)
    while end > start:
        begin = max(start, end - longest)
        proved_to = end
        window = {feed.start: _ms(begin), feed.end: _ms(end - MILLISECOND)}
        async for rows, last in _pages(call, feed, window):
            times = [_time(row[feed.time]) for row in rows]
            if any(t < begin or t >= end for t in times):
                raise Incomplete(f"{feed.method} answered rows outside of the window asked for")
            if times and max(times) > proved_to:
                raise Incomplete(f"{feed.method} answered pages that are not newest first")
            # rows of the oldest millisecond may go on in the next page
            complete_from = begin if last else min(times, default=proved_to) + MILLISECOND
            complete_from = min(complete_from, proved_to)
            yield Page(rows, complete_from, proved_to)
            proved_to = complete_from
        end = begin


async def _pages(
    call: Caller, feed: Feed, window: Mapping[str, Any]
) -> AsyncIterator[tuple[list[dict[str, Any]], bool]]:
    """Pages with whether each is the last."""
    cursor = ""
    seen: set[str] = set()
    while True:
        params = {**feed.params, **window, **({feed.cursor: cursor} if cursor else {})}
        answer = await call(feed.method, params)
        rows = _find(answer, feed.rows)
        if not isinstance(rows, list):
            raise Incomplete(f"{feed.method} answered without {'.'.join(feed.rows)}")
        cursor = str(_find(answer, feed.next_cursor) or "")
        last = not cursor or not rows
        yield rows, last
        if last:
            return
        if cursor in seen:
            raise Incomplete(f"{feed.method} answered the same cursor twice")
        seen.add(cursor)


def _find(answer: Any, path: tuple[str, ...]) -> Any:
    for part in path:
        answer = answer.get(part) if isinstance(answer, dict) else None
    return answer


def _ms(time: datetime) -> int:
    return int(time.timestamp() * 1000 + 0.5)


def _time(milliseconds: Any) -> datetime:
    return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=int(milliseconds))
