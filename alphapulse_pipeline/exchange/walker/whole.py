"""Lists that fit in one answer, such as open orders."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass

from alphapulse_pipeline.exchange.feed import Caller, Feed, Page, Raw


@dataclass(frozen=True)
class Whole:
    """For endpoints documented to return everything at once."""

    async def everything(self, call: Caller, feed: Feed) -> list[Raw]:
        return feed.read(await call(feed.method, feed.params))

    async def walk(
        self, call: Caller, feed: Feed, start: int, end: int, after: str | None = None
    ) -> AsyncGenerator[Page, None]:
        """One page."""
        rows = await self.everything(call, feed)
        yield Page([*feed.within(rows, start, end), *feed.untimed(rows)], start, end)
