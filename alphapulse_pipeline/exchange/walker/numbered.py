"""Lists of what is held now, in numbered pages, with the count of all rows as the proof."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from alphapulse_pipeline.exchange.errors import Incomplete, Unreadable
from alphapulse_pipeline.exchange.feed import Caller, Feed, Raw
from alphapulse_pipeline.exchange.walker.whole import Whole

_LONGEST_COUNT = 6
"""Digits."""


@dataclass(frozen=True)
class Numbered(Whole):
    """`page`: the parameter for the number of the page, from 1. `count` reads the number of all
    rows from an answer, `id` identifies a row."""

    page: str
    count: Callable[[Any], Any]
    id: Callable[[Raw], Any]

    async def everything(self, call: Caller, feed: Feed) -> list[Raw]:
        """Raises `Incomplete` if the pages do not add up: a position that is opened or closed
        meanwhile shifts them."""
        rows: list[Raw] = []
        count, number = -1, 0
        while count < 0 or len(rows) < count:
            number += 1
            answer = await call(feed.method, {**feed.params, self.page: number})
            listed, counted = feed.read(answer), self._counted(feed, answer)
            if count not in (-1, counted) or (counted and not listed):
                break
            count = counted
            rows += listed
        if len(rows) != count or len({str(self.id(row)) for row in rows}) != count:
            raise Incomplete(f"{feed.method} counts {count} rows but lists {len(rows)}")
        return rows

    def _counted(self, feed: Feed, answer: Any) -> int:
        count = self.count(answer)
        text = str(count)
        if isinstance(count, bool) or not text.isdecimal() or len(text) > _LONGEST_COUNT:
            raise Unreadable(f"the answer of {feed.method} has a count that is not a whole number")
        return int(text)
