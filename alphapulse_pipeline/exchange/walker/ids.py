"""Pages oldest first, each requested from an id on.

Every page after the first is requested from the id of the last row, and must begin with that row,
which must have the same time: how far a page reaches depends on it. This detects an exchange that
ignores the id; the last page is the one that contains only that row.
"""

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass

from alphapulse_pipeline.exchange.errors import MISREAD, Incomplete, Unreadable
from alphapulse_pipeline.exchange.feed import Caller, Feed, Page, Raw
from alphapulse_pipeline.exchange.walker.untimed import Untimed

FIRST = 1
"""The first id that is requested. Ids are positive, and 0 might be taken for none."""


@dataclass(frozen=True)
class FromId:
    """Ids ascend with time. Such feeds do not accept a time window together with an id."""

    param: str
    id: Callable[[Raw], int]

    async def walk(
        self, call: Caller, feed: Feed, start: int, end: int, after: str | None = None
    ) -> AsyncGenerator[Page, None]:
        """Oldest first, after the row with the id `after`, or from the very first row.

        The exchange must still return the row `after`. A page proves what is older than its last
        row's millisecond, and is yielded once the next page has begun with that row.
        """
        rows = await self.request(call, feed, int(after or FIRST))
        if after and not self.continues(rows, after):
            raise Incomplete(f"{feed.method} no longer returns the row to continue from, {after}")
        async for page in self.following(call, feed, start, end, rows[1:] if after else rows):
            yield page

    def continues(self, rows: list[Raw], after: str) -> bool:
        """Whether an answer begins with the row that it was requested from."""
        return bool(rows) and self._id(rows[0]) == int(after)

    async def following(
        self, call: Caller, feed: Feed, start: int, end: int, rows: list[Raw]
    ) -> AsyncGenerator[Page, None]:
        """The pages from the first one, whose rows are `rows`."""
        proved_to, untimed = start, Untimed(newest_first=False)
        while rows:
            known, last = next(
                ((id, row) for row in reversed(rows) if (id := self._id(row)) is not None),
                (None, None),
            )
            if known is None or last is None:
                raise Unreadable(f"no row of {feed.method} has an id to continue from")
            newest = max(feed.times(rows), default=proved_to)
            untimed.add(rows, map(feed.moment, rows))
            following = await self.request(call, feed, known)
            if not self.continues(following, str(known)):
                raise Incomplete(f"{feed.method} does not continue from the requested id")
            if feed.moment(following[0]) != feed.moment(last):
                raise Incomplete(f"{feed.method} returned the row {known} with another time")
            more = following[1:]
            complete_to = min(max(newest, proved_to), end) if more else end
            inside = feed.within(rows, start, end)
            yield Page([*inside, *untimed.within(proved_to, complete_to)], proved_to, complete_to)
            proved_to = complete_to
            if newest >= end:
                return
            rows = more
        if proved_to < end:
            yield Page(untimed.within(proved_to, end), proved_to, end)

    async def request(self, call: Caller, feed: Feed, first: int) -> list[Raw]:
        """The rows from the id `first` on. Raises `Incomplete` if they are not in order."""
        rows = feed.read(await call(feed.method, {**feed.params, self.param: first}))
        ids = [id for row in rows if (id := self._id(row)) is not None]
        times = feed.times(rows)
        if ids != sorted(set(ids)) or times != sorted(times) or (ids and ids[0] < first):
            raise Incomplete(f"the rows of {feed.method} are not oldest first by id")
        return rows

    def _id(self, row: Raw) -> int | None:
        """A row's id; None if it cannot be read."""
        try:
            return self.id(row)
        except MISREAD:
            return None
