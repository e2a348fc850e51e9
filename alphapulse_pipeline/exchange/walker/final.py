"""Rows that are not final yet, such as orders in process, are left out of their list.

Their times stay gaps, so that they are requested again.
"""

from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from alphapulse_pipeline.exchange.feed import Caller, Feed, Page, Paging, Raw


@dataclass(frozen=True)
class Final:
    """The pages of `pages`, without the rows that are `pending`."""

    pages: Paging
    pending: Callable[[Raw], bool]

    async def walk(
        self, call: Caller, feed: Feed, start: int, end: int, after: str | None = None
    ) -> AsyncGenerator[Page, None]:
        async for listed in self.pages.walk(call, feed, start, end, after):
            left_out = [row for row in listed.rows if self.pending(row)]
            rows = [row for row in listed.rows if not self.pending(row)]
            for begin, stop in _between(listed.start, listed.end, sorted({*feed.times(left_out)})):
                yield replace(listed, rows=rows, start=begin, end=stop)
                rows = feed.untimed(rows)


def _between(start: int, end: int, left_out: Sequence[int]) -> Iterator[tuple[int, int]]:
    for moment in (m for m in left_out if start <= m < end):
        yield start, moment
        start = moment + 1
    yield start, end
