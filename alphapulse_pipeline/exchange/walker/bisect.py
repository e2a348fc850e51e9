"""Bisects windows of lists that may filter by a row's last change instead of its own time.

An order that was placed on Monday and filled on Friday may be in Friday's window only. So the rows'
times do not show where an answer was truncated: windows are halved until answers are smaller than
the largest one seen. Rows outside the window are kept, as they may be in no other window.
"""

from collections.abc import AsyncGenerator
from dataclasses import dataclass

from alphapulse_pipeline.exchange.errors import Incomplete
from alphapulse_pipeline.exchange.feed import MARGIN, Caller, Feed, Page, to_time
from alphapulse_pipeline.exchange.walker.windows import SMALLEST_CAP

_MAX_LARGE_ANSWERS = 40
"""After this many large answers in a row, the exchange is taken to ignore windows: bisecting a day
takes 17 steps. Each remaining window is then requested once, for the rows that it returns."""


@dataclass(frozen=True)
class Bisect:
    """Windows are requested with a margin, as exchanges exclude ends or truncate to seconds."""

    async def walk(
        self, call: Caller, feed: Feed, start: int, end: int, after: str | None = None
    ) -> AsyncGenerator[Page, None]:
        """Newest windows first. Raises `Incomplete` after yielding everything that is proven."""
        largest, attempts_left = feed.whole_below or SMALLEST_CAP, _MAX_LARGE_ANSWERS
        stuck: list[int] = []
        for begin, stop in feed.windows(start, end, MARGIN):
            windows = [(begin, stop - 1)]
            while windows:
                first, last = windows.pop()
                window = feed.between(first - MARGIN, last + MARGIN)
                rows = feed.read(await call(feed.method, {**feed.params, **window}))
                if len(rows) < largest:
                    attempts_left = _MAX_LARGE_ANSWERS
                    yield Page(rows, first, last + 1, any_time=True)
                    continue
                yield Page(rows, first, first)
                # duplicate rows make an answer longer than the limit
                largest = max(largest, len({str(row) for row in rows}))
                attempts_left = max(attempts_left - 1, 0)
                if attempts_left and last - first >= MARGIN:
                    middle = (first + last) // 2
                    windows += [(first, middle), (middle + 1, last)]
                    continue
                stuck.append(first)
                if not attempts_left:
                    break  # the exchange ignores windows
        if stuck:
            raise Incomplete(
                f"{feed.method} returns at most {largest} rows, and may omit rows at {len(stuck)} "
                f"times, such as {to_time(stuck[0]):%Y-%m-%d %H:%M:%S} UTC"
            )
