"""Pages that are newest first, each with a cursor to the next older one.

A page is believed to be the last only where there is no further cursor, never because it is short:
page sizes get lost on the way.
"""

from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from alphapulse_pipeline.exchange.errors import Incomplete, Unreadable
from alphapulse_pipeline.exchange.feed import MARGIN, Caller, Feed, Page, Raw


@dataclass(frozen=True)
class Cursor:
    """The cursor comes with the answer, or is the id of a page's last row."""

    param: str
    next: Callable[[Any, list[Raw]], Any]
    """(answer, its rows) -> the cursor of the next page; "" after the last page, and None where the
    answer does not say."""
    ordered: bool = True
    """Whether rows are newest first. Where nobody knows, only the last page proves anything."""
    disorder: int = 0
    """Milliseconds by which a row may be newer than one before it: exchanges order rows by when
    they booked them, which is a little after they happened."""

    async def everything(self, call: Caller, feed: Feed) -> list[Raw]:
        """All rows of a feed that has no windows: what is open or held now."""
        return [row async for rows, _ in self._pages(call, feed, {}) for row in rows]

    async def walk(
        self, call: Caller, feed: Feed, start: int, end: int, after: str | None = None
    ) -> AsyncGenerator[Page, None]:
        """Newest first. What is newer than a page's oldest row's millisecond is proved by the page
        after it, which may go on in that millisecond and must not rise; the last page proves the
        rest of its window."""
        for begin, stop in feed.windows(start, end):
            # the margin that is asked for, and another that the exchange may add by itself
            earliest, latest = begin - 2 * MARGIN, stop - 1 + 2 * MARGIN
            proved_to, oldest, newest = stop, latest, earliest
            window = feed.between(begin - MARGIN, stop - 1 + MARGIN)
            async for rows, last in self._pages(call, feed, window):
                times = [feed.moment(row) for row in rows]
                if any(time < earliest or time > latest for time in times):
                    raise Incomplete(f"{feed.method} answered rows outside of the window asked for")
                complete_from = begin if last else proved_to
                if self.ordered and times:
                    before = oldest
                    for time in times:
                        if time > oldest + self.disorder:
                            raise Incomplete(
                                f"{feed.method} answered rows that are not newest first"
                            )
                        newest, oldest = max(newest, time), min(oldest, time)
                    # while all are of one millisecond, they may as well be oldest first
                    if oldest < newest:
                        proved_from = max(begin, before + self.disorder + 1)
                        complete_from = min(complete_from, proved_from)
                inside = [row for row, t in zip(rows, times, strict=True) if begin <= t < stop]
                yield Page(inside, complete_from, proved_to)
                proved_to = complete_from

    async def _pages(
        self, call: Caller, feed: Feed, window: Mapping[str, Any]
    ) -> AsyncGenerator[tuple[list[Raw], bool], None]:
        """Pages with whether each is the last."""
        asked = ""
        seen: set[str] = set()
        while True:
            params = {**feed.params, **window, **({self.param: asked} if asked else {})}
            answer = await call(feed.method, params)
            rows = feed.read(answer)
            following = self.next(answer, rows)
            if not isinstance(following, str | int):
                raise Unreadable(f"{feed.method} does not say whether there are more rows")
            cursor = str(following)
            # An empty page may be followed by full ones, unless it points to itself.
            last = not cursor or (not rows and cursor == asked)
            if cursor in seen and not last:
                raise Incomplete(f"{feed.method} answered the same cursor twice")
            yield rows, last
            if last:
                return
            seen.add(cursor)
            asked = cursor


def last_row(name: str) -> Callable[[Any, list[Raw]], Any]:
    """The cursor is an id of the page's last row; only an empty page is the end."""
    return lambda _, rows: rows[-1][name] if rows else ""
