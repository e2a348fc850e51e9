"""Pages that are oldest first, asked for by an id from which they go on.

Every page after the first is asked for with the id of the last row known, and must begin with that
very row. So an id that got lost on the way is found out, and the end is a page that brings nothing
but the row that is known.
"""

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass

from alphapulse_pipeline.exchange.errors import Incomplete
from alphapulse_pipeline.exchange.feed import Caller, Feed, Page, Raw


@dataclass(frozen=True)
class FromId:
    """Ids rise with time. The times of such a feed cannot be asked for together with ids."""

    param: str
    id: Callable[[Raw], int]

    async def walk(
        self, call: Caller, feed: Feed, start: int, end: int, after: str | None = None
    ) -> AsyncGenerator[Page, None]:
        """Oldest first, from the row after which the times begin, or from the first row of all.
        The exchange must still show the row `after`.

        A page proves what is older than its last row's millisecond, and is handed out once the page
        after it has begun where it ended.
        """
        rows = await self._ask(call, feed, int(after or 0))
        if after and rows and self.id(rows[0]) == int(after):
            rows = rows[1:]
        elif after:
            raise Incomplete(f"{feed.method} does not know the row that it is to go on from")
        elif rows and self.id(rows[0]) > 0:
            # an exchange that takes 0 for no id at all would answer its newest rows
            again = await self._ask(call, feed, 1)
            if not again or self.id(again[0]) != self.id(rows[0]):
                raise Incomplete(f"{feed.method} does not begin with its first row")
        proved_to = start
        while rows:
            known = self.id(rows[-1])
            newest = feed.moment(rows[-1])
            following = await self._ask(call, feed, known)
            if not following or self.id(following[0]) != known:
                raise Incomplete(f"{feed.method} does not go on where it was asked to")
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

    async def _ask(self, call: Caller, feed: Feed, first: int) -> list[Raw]:
        rows = feed.read(await call(feed.method, {**feed.params, self.param: first}))
        ids = [self.id(row) for row in rows]
        times = [feed.moment(row) for row in rows]
        if ids != sorted(set(ids)) or times != sorted(times) or (ids and ids[0] < first):
            raise Incomplete(f"{feed.method} answered rows that are not oldest first by their ids")
        return rows
