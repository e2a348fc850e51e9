"""Pages newest first, each with a cursor to the next older one.

A page is the last one only if it has no further cursor, never because it is short: exchanges do
not reliably honor page sizes.
"""

from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from alphapulse_pipeline.exchange.errors import Incomplete, Unreadable
from alphapulse_pipeline.exchange.feed import MARGIN, Caller, Feed, Page, Raw
from alphapulse_pipeline.exchange.walker.untimed import Untimed


@dataclass(frozen=True)
class Cursor:
    """The cursor is part of the answer, or the id of a page's last row."""

    param: str
    next: Callable[[Any, list[Raw]], Any]
    """(answer, its rows) -> the cursor of the next page; "" after the last page, None if the answer
    does not say."""
    ordered: bool = True
    """Whether rows are newest first. If that is unknown, only the last page proves anything."""
    disorder: int = 0
    """Milliseconds by which a row may be newer than the row before it: exchanges sort by booking
    time, which is slightly later than the row's time."""

    async def everything(self, call: Caller, feed: Feed) -> list[Raw]:
        """All rows of a feed without windows: what is currently open or held."""
        return [row async for rows, _ in self._pages(call, feed, {}) for row in rows]

    async def walk(
        self, call: Caller, feed: Feed, start: int, end: int, after: str | None = None
    ) -> AsyncGenerator[Page, None]:
        """Newest first. The range newer than a page's oldest millisecond is proven by the next
        page, which may continue in that millisecond and must not contain newer rows; the last page
        proves the rest of its window."""
        for begin, stop in feed.windows(start, end):
            # the requested margin, and a second one that the exchange may add
            earliest, latest = begin - 2 * MARGIN, stop - 1 + 2 * MARGIN
            proved_to, oldest, newest = stop, latest, earliest
            window = feed.between(begin - MARGIN, stop - 1 + MARGIN)
            untimed = Untimed(self.ordered, disorder=self.disorder)
            async for rows, last in self._pages(call, feed, window):
                moments = [feed.moment(row) for row in rows]
                times = [time for time in moments if time is not None]
                untimed.add(rows, moments)
                if any(time < earliest or time > latest for time in times):
                    raise Incomplete(f"{feed.method} returned rows outside the requested window")
                complete_from = begin if last else proved_to
                if self.ordered and times:
                    before = oldest
                    for time in times:
                        if time > oldest + self.disorder:
                            raise Incomplete(f"the rows of {feed.method} are not newest first")
                        newest, oldest = max(newest, time), min(oldest, time)
                    # within one millisecond the order is unknown
                    if oldest < newest:
                        proved_from = max(begin, before + self.disorder + 1)
                        complete_from = min(complete_from, proved_from)
                inside = [
                    row
                    for row, time in zip(rows, moments, strict=True)
                    if time is not None and begin <= time < stop
                ]
                yield Page(
                    [*inside, *untimed.within(complete_from, proved_to)], complete_from, proved_to
                )
                proved_to = complete_from

    async def _pages(
        self, call: Caller, feed: Feed, window: Mapping[str, Any]
    ) -> AsyncGenerator[tuple[list[Raw], bool], None]:
        """Pages, each with whether it is the last."""
        requested = ""
        seen: set[str] = set()
        while True:
            params = {**feed.params, **window, **({self.param: requested} if requested else {})}
            answer = await call(feed.method, params)
            rows = feed.read(answer)
            following = self.next(answer, rows)
            if not isinstance(following, str | int) or isinstance(following, bool):
                raise Unreadable(
                    f"the answer of {feed.method} does not say whether there are more rows"
                )
            cursor = str(following)
            # full pages may follow an empty one, unless it points to itself
            last = not cursor or (not rows and cursor == requested)
            if cursor in seen and not last:
                raise Incomplete(f"{feed.method} returned the same cursor twice")
            yield rows, last
            if last:
                return
            seen.add(cursor)
            requested = cursor


def last_row(name: str) -> Callable[[Any, list[Raw]], Any]:
    """The cursor is an id of the page's last row; only an empty page ends the list. A last row
    without an id comes again with the next page."""

    def cursor(_: Any, rows: list[Raw]) -> Any:
        return next((row[name] for row in reversed(rows) if row.get(name)), None) if rows else ""

    return cursor
