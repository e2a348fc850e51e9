"""Lists from which rows disappear some time after they ended, whenever they began.

Orders that were canceled without a fill are an example: an exchange drops them hours after their
end, and filters the list by when they were placed.
"""

from collections.abc import AsyncGenerator
from dataclasses import dataclass

from alphapulse_pipeline.exchange.feed import Caller, Feed, Page, Raw
from alphapulse_pipeline.exchange.walker.cursor import Cursor


@dataclass(frozen=True)
class RecentlyEnded:
    """The whole list, whatever range is requested.

    It proves the requested range, if that is within the feed's `horizon`: what began since then
    cannot have ended, and disappeared, before. Rows that began earlier come along.
    """

    pages: Cursor

    async def everything(self, call: Caller, feed: Feed) -> list[Raw]:
        return await self.pages.everything(call, feed)

    async def walk(
        self, call: Caller, feed: Feed, start: int, end: int, after: str | None = None
    ) -> AsyncGenerator[Page, None]:
        """One page, since rows may disappear from the end of the list while it is being read."""
        yield Page(await self.everything(call, feed), start, end)
