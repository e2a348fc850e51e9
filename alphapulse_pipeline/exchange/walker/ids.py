"""Pages oldest first, each requested from an id on.

Every page after the first is requested from the id of the last row, and must begin with that row.
This detects an exchange that ignores the id; the last page is the one that contains only that row.
"""

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass

from alphapulse_pipeline.exchange.errors import Incomplete
from alphapulse_pipeline.exchange.feed import Caller, Feed, Page, Raw


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
        rows = await self._request(call, feed, int(after or 0))
        if after and rows and self.id(rows[0]) == int(after):
            rows = rows[1:]
        elif after:
            raise Incomplete(f"{feed.method} no longer returns the row to continue from, {after}")
        elif rows and self.id(rows[0]) > 0:
            # an exchange that treats 0 as "no id" would return its newest rows
            again = await self._request(call, feed, 1)
            if not again or self.id(again[0]) != self.id(rows[0]):
                raise Incomplete(f"{feed.method} does not start with its first row")
        proved_to = start
        while rows:
            known = self.id(rows[-1])
            newest = feed.moment(rows[-1])
            following = await self._request(call, feed, known)
            if not following or self.id(following[0]) != known:
                raise Incomplete(f"{feed.method} does not continue from the requested id")
            more = following[1:]
            complete_to = min(max(newest, proved_to), end) if more else end
            inside = [row for row in rows if start <= feed.moment(row) < end]
            yield Page(inside, proved_to, complete_to)
            proved_to = complete_to
            if newest >= end:
                return
            rows = more
        if proved_to < end:
            yield Page([], proved_to, end)

    async def _request(self, call: Caller, feed: Feed, first: int) -> list[Raw]:
        rows = feed.read(await call(feed.method, {**feed.params, self.param: first}))
        ids = [self.id(row) for row in rows]
        times = [feed.moment(row) for row in rows]
        if ids != sorted(set(ids)) or times != sorted(times) or (ids and ids[0] < first):
            raise Incomplete(f"the rows of {feed.method} are not oldest first by id")
        return rows
