"""Feeds that know nothing but time windows, and cut an answer off at a size that nobody tells.

An answer as large as the largest one seen may have been cut off, at either end: what lies strictly
between its oldest and its newest row is complete, and both sides are asked for again *including*
the milliseconds of those two rows, since more rows of the same millisecond may be missing. Windows
are asked for with a margin, as exchanges leave out the ends or cut them down to seconds.
"""

from collections.abc import AsyncGenerator
from dataclasses import dataclass

from alphapulse_pipeline.exchange.errors import Incomplete
from alphapulse_pipeline.exchange.feed import MARGIN, Caller, Feed, Page, Raw, to_time

SMALLEST_CAP = 10
"""No exchange is known to cut an answer off at fewer rows."""


@dataclass(frozen=True)
class Windows:
    """`margin` is right for every exchange that is known; 0 is for one that is known to take its
    times exactly, and both ends included."""

    margin: int = MARGIN

    async def walk(
        self, call: Caller, feed: Feed, start: int, end: int, after: str | None = None
    ) -> AsyncGenerator[Page, None]:
        """Newest windows first; inside a window as its answers fall apart.

        Raises `Incomplete` after all that could be proved was.
        """
        margin, largest = self.margin, SMALLEST_CAP
        stuck: dict[tuple[int, int], int] = {}
        for begin, stop in feed.windows(start, end, margin):
            windows = [(begin, stop - 1)]
            while windows:
                first, last = windows.pop()
                rows = await _ask(call, feed, first - margin, last + margin)
                times = [feed.moment(row) for row in rows]
                inside = [
                    row for row, time in zip(rows, times, strict=True) if first <= time <= last
                ]
                if len(rows) < largest:
                    yield Page(inside, first, last + 1)
                    continue
                # a row that is there twice makes an answer longer than what it is cut off at
                largest = max(largest, len({str(row) for row in rows}))
                oldest, newest = min(times), max(times)
                parts = _parts(first, last, oldest, newest, margin)
                if parts is not None:
                    if oldest < newest:
                        proved = max(oldest + 1, first), min(newest, last + 1)
                        yield Page(inside, *(proved if proved[0] < proved[1] else (first, first)))
                    windows += parts
                elif margin > 1 and await _takes_milliseconds(call, feed, times):
                    margin = 1
                    windows.append((first, last))
                else:
                    yield Page(inside, first, first)
                    stuck[first, last] = len(rows)
        for first, last in [window for window, size in stuck.items() if size < largest]:
            # by what was seen since, it was not cut off
            yield Page([], first, last + 1)
            del stuck[first, last]
        if stuck:
            first, last = next(iter(stuck))
            raise Incomplete(
                f"{feed.method} answers at most {largest} rows, and there are more than it shows "
                f"between {to_time(first):%Y-%m-%d %H:%M:%S.%f} and "
                f"{to_time(last):%Y-%m-%d %H:%M:%S.%f}"
                + (f", and in {len(stuck) - 1} more such times" if len(stuck) > 1 else "")
            )


def _parts(
    first: int, last: int, oldest: int, newest: int, margin: int
) -> list[tuple[int, int]] | None:
    """What is left of a window to ask for, the newest part last; None where asking again would
    bring the same again."""
    if newest < first - margin or oldest > last + margin:
        return None  # the exchange takes no notice of the window
    left = (first, min(oldest, last)) if oldest >= first else None
    right = (max(newest, first), last) if newest <= last else None
    if (first, last) not in (left, right):
        return [part for part in (left, right) if part]
    if last - first <= margin // 4 or oldest < first - 2 * margin or newest > last + 2 * margin:
        return None
    # all rows are at one end of the window, or in its margin
    middle = (first + last) // 2
    return [(first, middle), (middle + 1, last)]


async def _takes_milliseconds(call: Caller, feed: Feed, times: list[int]) -> bool:
    """Whether the exchange finds a row by its millisecond, and nothing else there."""
    for time in dict.fromkeys(times):
        if time % 1000 not in (0, 1, 999):
            found = [feed.moment(row) for row in await _ask(call, feed, time - 1, time + 1)]
            return time in found and all(abs(other - time) <= 1 for other in found)
    return False


async def _ask(call: Caller, feed: Feed, first: int, last: int) -> list[Raw]:
    return feed.read(await call(feed.method, {**feed.params, **feed.between(first, last)}))
