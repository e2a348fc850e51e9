"""Pages whose rows are completed by a second request.

A row of Kraken's ledger does not say through which network a deposit came, and a fill does not say
what its margin entries booked. The range that a page proves is that of the first request.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, replace

from alphapulse_pipeline.exchange.feed import Caller, Feed, Page, Paging, Raw

Complete = Callable[[Caller, list[Raw], list[Raw]], Awaitable[list[Raw]]]
"""(call, rows of a page, those of the newer page before it) -> the rows of the page, completed."""


@dataclass(frozen=True)
class Enriched:
    paging: Paging
    complete: Complete

    async def walk(
        self, call: Caller, feed: Feed, start: int, end: int, after: str | None = None
    ) -> AsyncGenerator[Page, None]:
        newer: list[Raw] = []
        async for page in self.paging.walk(call, feed, start, end, after):
            if page.rows:
                completed = await self.complete(call, page.rows, newer)
                newer = page.rows
                page = replace(page, rows=completed)
            yield page
