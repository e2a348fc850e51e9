"""Pages by id where the exchange shows that ids reach back; windows elsewhere.

A page may say that an answer without times is limited to recent rows, and that an id cannot be
combined with times. Whether a request by id is limited as well is then left open, and an answer
without older rows looks the same either way. A row that is older than the limit proves that ids
reach back, and so does the row from which a request continues.
"""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import timedelta

from ccxt.base.errors import BaseError

from alphapulse_pipeline.exchange.errors import Kind, kind_of
from alphapulse_pipeline.exchange.feed import MILLISECOND, Caller, Feed, Page, Paging, Raw
from alphapulse_pipeline.exchange.walker.ids import FIRST, FromId


@dataclass(frozen=True)
class FromIdOrWindows:
    ids: FromId
    windows: Paging
    """Of the feed's longest window, which needs no id."""
    recent: timedelta
    """What the page may limit an answer without times to."""

    async def walk(
        self, call: Caller, feed: Feed, start: int, end: int, after: str | None = None
    ) -> AsyncGenerator[Page, None]:
        """Oldest first by id, newest first by windows. A short range needs no ids."""
        recent = self.recent // MILLISECOND
        if not after and end - start <= recent:
            async for page in self.windows.walk(call, feed, start, end, None):
                yield page
            return
        rows = await self._first(call, feed, after)
        if after and self.ids.continues(rows, after):
            pages = self.ids.following(call, feed, start, end, rows[1:])
        elif not after and min(feed.times(rows), default=end) < end - recent:
            pages = self.ids.following(call, feed, start, end, rows)
        else:
            pages = self.windows.walk(call, feed, start, end, None)
        async for page in pages:
            yield page

    async def _first(self, call: Caller, feed: Feed, after: str | None) -> list[Raw]:
        """The first rows by id; none if the exchange refuses the id as too old."""
        try:
            return await self.ids.request(call, feed, int(after or FIRST))
        except BaseError as error:
            if kind_of(error) is not Kind.TOO_OLD:
                raise
            return []
