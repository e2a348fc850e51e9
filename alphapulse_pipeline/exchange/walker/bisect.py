"""Windows of lists that may go by when a row changed, while its own time is when it began.

An order that was placed on Monday and filled on Friday may be in Friday's window alone. So a row's
time tells nothing of where an answer was cut off: windows are halved until answers are smaller than
the largest one seen. And no row is left out for its time, as no other window may bring it.
"""

from collections.abc import AsyncGenerator
from dataclasses import dataclass

from alphapulse_pipeline.exchange.errors import Incomplete
from alphapulse_pipeline.exchange.feed import MARGIN, Caller, Feed, Page, to_time
from alphapulse_pipeline.exchange.walker.windows import SMALLEST_CAP

_PATIENCE = 40
"""So many large answers in a row are no burst: a day is halved 17 times. Windows of such a list are
asked for once each, for what they show."""


@dataclass(frozen=True)
class Bisect:
    """Windows are asked for with a margin, as exchanges leave out ends or cut them to seconds."""

    async def walk(
        self, call: Caller, feed: Feed, start: int, end: int, after: str | None = None
    ) -> AsyncGenerator[Page, None]:
        """Newest windows first. Raises `Incomplete` after all that could be proved was."""
        largest, patience = SMALLEST_CAP, _PATIENCE
        stuck: list[int] = []
        for begin, stop in feed.windows(start, end, MARGIN):
            windows = [(begin, stop - 1)]
            while windows:
                first, last = windows.pop()
                window = feed.between(first - MARGIN, last + MARGIN)
                rows = feed.read(await call(feed.method, {**feed.params, **window}))
                for row in rows:
                    feed.moment(row)  # a row without a time is in no table
                if len(rows) < largest:
                    patience = _PATIENCE
                    yield Page(rows, first, last + 1)
                    continue
                yield Page(rows, first, first)
                # a row that is there twice makes an answer longer than what it is cut off at
                largest = max(largest, len({str(row) for row in rows}))
                patience = max(patience - 1, 0)
                if patience and last - first >= MARGIN:
                    middle = (first + last) // 2
                    windows += [(first, middle), (middle + 1, last)]
                    continue
                stuck.append(first)
                if not patience:
                    break  # the exchange takes no notice of windows
        if stuck:
            raise Incomplete(
                f"{feed.method} answers at most {largest} rows, and there may be more than it "
                f"shows at {len(stuck)} times, such as {to_time(stuck[0]):%Y-%m-%d %H:%M:%S}"
            )
