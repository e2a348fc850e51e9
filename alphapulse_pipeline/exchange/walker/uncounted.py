"""Lists in numbered pages, without a count of all rows and without time windows.

Pages shift when rows are added, and where no order is documented, new rows may be anywhere. So the
whole list is read each time, and must not repeat a row: a repetition means that pages have shifted,
or that the page's number got lost. A page that is smaller than requested ends the list, unless the
limit got lost on the way. So what is after the last full page of the default size is requested
once more, and must be the same.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Any

from alphapulse_pipeline.exchange.errors import Incomplete
from alphapulse_pipeline.exchange.feed import Caller, Feed, Raw
from alphapulse_pipeline.exchange.walker.whole import Whole


@dataclass(frozen=True)
class Uncounted(Whole):
    """`page`: the parameter for the number of the page, from 1. `id` identifies a row. The feed
    must have a limit among its parameters, and its page must be documented."""

    page: str
    id: Callable[[Raw], Any]

    async def everything(self, call: Caller, feed: Feed) -> list[Raw]:
        """Raises `Incomplete` if the pages do not add up."""
        size, smallest = int(feed.params[feed.limit]), feed.whole_below or 1
        rows: list[Raw] = []
        for number in count(1):
            listed = feed.read(await call(feed.method, {**feed.params, self.page: number}))
            rows += listed
            if len(listed) < size:
                break
        ids = [str(self.id(row)) for row in rows]
        if len(listed) >= smallest:
            whole = len(rows) // smallest
            last = {feed.limit: smallest, self.page: whole + 1}
            rest = feed.read(await call(feed.method, {**feed.params, **last}))
            if [str(self.id(row)) for row in rest] != ids[whole * smallest :]:
                raise Incomplete(f"{feed.method} has other rows after a page of {len(listed)}")
        if len(set(ids)) != len(ids):
            raise Incomplete(f"the pages of {feed.method} repeat rows: they shift while being read")
        return rows
