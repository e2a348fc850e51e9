"""Pages newest first by offset, with the count of all rows as the proof.

Offsets shift when rows are added or removed. So each page is requested from the last row of the
page before it and must begin with that row, then contain only new ones, and the count must not
change. Otherwise the walk restarts from what is proven. After a page as large as pages get (the
documented size, else that of the first one) there is always a further request, whatever the count
says.

Where the rows' order is not the one of the time that they are filtered by, a page proves nothing
before the last one of its window. Such windows are kept small, so that a shift costs little.
"""

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from typing import Any

from alphapulse_pipeline.exchange.errors import Incomplete, Unreadable
from alphapulse_pipeline.exchange.feed import MARGIN, Caller, Feed, Page, Raw
from alphapulse_pipeline.exchange.walker.untimed import Untimed
from alphapulse_pipeline.exchange.walker.windows import SMALLEST_CAP

_MAX_RESTARTS = 5
"""How often a walk restarts without having proven anything in between."""
_UNORDERED_ROWS = 400
"""The most rows of a window whose rows are in no known order."""
_LONGEST_COUNT = 15
"""Digits."""


@dataclass(frozen=True)
class Counted:
    """`id` identifies a row; `count` reads the number of all rows of the window from an answer."""

    offset: str
    count: Callable[[Any], Any]
    id: Callable[[Raw], Any]
    ordered: bool = True
    """Whether rows are newest first by the feed's time. If that is unknown, the pages of a window
    prove it together."""

    async def walk(
        self, call: Caller, feed: Feed, start: int, end: int, after: str | None = None
    ) -> AsyncGenerator[Page, None]:
        """Newest first. A page proves what is newer than its oldest row's millisecond, and is
        yielded once the next page has begun with that row; unordered pages prove nothing until the
        last one."""
        for begin, stop in feed.windows(start, end):
            restarts_left = _MAX_RESTARTS
            while stop > begin:
                if not restarts_left:
                    raise Incomplete(f"{feed.method} changes faster than it can be read")
                restarts_left -= 1
                async for page in self._run(call, feed, begin, stop):
                    yield page
                    if page.start < stop:
                        stop, restarts_left = page.start, _MAX_RESTARTS

    async def _run(
        self, call: Caller, feed: Feed, begin: int, stop: int
    ) -> AsyncGenerator[Page, None]:
        """Pages until something shifts."""
        window = feed.between(begin - MARGIN, stop - 1 + MARGIN)
        rows, count = await self._request(call, feed, window, 0)
        while not self.ordered and count > _UNORDERED_ROWS and stop - begin > 4 * MARGIN:
            # fewer than allowed, since rows are not spread evenly
            span = (stop - begin) * _UNORDERED_ROWS * 3 // 4 // count
            begin = max(begin + 1, stop - max(span, MARGIN))
            window = feed.between(begin - MARGIN, stop - 1 + MARGIN)
            rows, count = await self._request(call, feed, window, 0)
        largest = feed.whole_below or max(len(rows), SMALLEST_CAP)
        seen = {self.id(row) for row in rows}
        full, proved_to = len(rows) >= largest, stop
        newest = oldest = max(feed.times(rows), default=stop)
        untimed = Untimed(self.ordered)
        untimed.add(rows, map(feed.moment, rows))
        while rows and (full or len(seen) < count):
            following, count_now = await self._request(call, feed, window, len(seen) - 1)
            new = {self.id(row) for row in following[1:]}
            # a row of the same id that says something else is another row
            if count_now != count or following[:1] != rows[-1:] or new & seen:
                return
            complete_from = proved_to
            oldest = min(feed.times(rows), default=oldest)
            # within one millisecond the order is unknown
            if self.ordered and min(feed.times(following), default=newest) < newest:
                complete_from = min(max(oldest + 1, begin), proved_to)
            inside = feed.within(rows, begin, stop)
            yield Page(
                [*inside, *untimed.within(complete_from, proved_to)], complete_from, proved_to
            )
            proved_to = complete_from
            rows, full = following[1:], len(following) >= largest
            untimed.add(rows, map(feed.moment, rows))
            seen |= new
        if len(seen) != count:
            raise Incomplete(f"{feed.method} counts {count} rows but lists {len(seen)}")
        inside = feed.within(rows, begin, stop)
        yield Page([*inside, *untimed.within(begin, proved_to)], begin, proved_to)

    async def _request(
        self, call: Caller, feed: Feed, window: Any, offset: int
    ) -> tuple[list[Raw], int]:
        answer = await call(feed.method, {**feed.params, **window, self.offset: offset})
        rows = feed.read(answer)
        times = feed.times(rows)
        if self.ordered and times != sorted(times, reverse=True):
            raise Incomplete(f"the rows of {feed.method} are not newest first")
        count = self.count(answer)
        if count is None:
            raise Unreadable(f"the answer of {feed.method} has no count")
        text = str(count)
        if isinstance(count, bool) or not text.isdecimal() or len(text) > _LONGEST_COUNT:
            raise Unreadable(f"the answer of {feed.method} has a count that is not a whole number")
        return rows, int(text)
