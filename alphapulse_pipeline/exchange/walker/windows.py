"""Feeds with only a time window, whose answers may be truncated.

An answer as large as the documented page, or as the largest one seen where no size is documented,
may have been truncated at either end: the range strictly between its oldest and its newest row is
complete, and both sides are requested again *including* the milliseconds of those two rows, since
more rows of the same millisecond may be missing. Windows are requested with a margin, as exchanges
exclude the ends or truncate them to seconds.
"""

from collections.abc import AsyncGenerator
from dataclasses import dataclass

from alphapulse_pipeline.exchange.errors import Incomplete, Unreadable
from alphapulse_pipeline.exchange.feed import MARGIN, Caller, Feed, Page, Raw, to_time

SMALLEST_CAP = 10
"""No known exchange truncates an answer to fewer rows, whatever its page says."""


@dataclass(frozen=True)
class Windows:
    """The default `margin` suits every known exchange; a smaller one is for exchanges that treat
    times exactly and include both ends."""

    margin: int = MARGIN
    one_per_time: bool = False
    """Whether no two rows have the same time: then the milliseconds of the oldest and the newest
    row of an answer are complete as well."""

    async def walk(
        self, call: Caller, feed: Feed, start: int, end: int, after: str | None = None
    ) -> AsyncGenerator[Page, None]:
        """Newest windows first; the parts of a divided window in any order.

        Raises `Incomplete` after yielding everything that is proven.
        """
        margin, largest = self.margin, feed.whole_below or SMALLEST_CAP
        ends = int(self.one_per_time)
        stuck: dict[tuple[int, int], tuple[int, list[Raw]]] = {}
        for begin, stop in feed.windows(start, end, margin):
            windows = [(begin, stop - 1)]
            while windows:
                first, last = windows.pop()
                rows = await _request(call, feed, first - margin, last + margin)
                untimed = feed.untimed(rows)
                inside = [*feed.within(rows, first, last + 1), *untimed]
                if len(rows) < largest:
                    yield Page(inside, first, last + 1)
                    continue
                # duplicate rows make an answer longer than the limit
                largest = max(largest, len({str(row) for row in rows}))
                times = feed.times(rows)
                if not times:
                    raise Unreadable(f"no row of {feed.method} has a time")
                oldest, newest = min(times), max(times)
                oldest, newest = oldest - ends, newest + ends
                parts = _parts(first, last, oldest, newest, margin)
                if parts is not None:
                    if oldest < newest:
                        proved = max(oldest + 1, first), min(newest, last + 1)
                        yield Page(inside, *(proved if proved[0] < proved[1] else (first, first)))
                    windows += parts
                elif feed.honors_limit(len(rows)):
                    yield Page(inside, first, last + 1)
                elif margin > 1 and await _takes_milliseconds(call, feed, times):
                    margin = 1
                    windows.append((first, last))
                else:
                    yield Page(inside, first, first)
                    stuck[first, last] = len(rows), untimed
        for (first, last), (size, untimed) in list(stuck.items()):
            # a larger answer since then shows that this one was not truncated
            if size < largest:
                yield Page(untimed, first, last + 1)
                del stuck[first, last]
        if stuck:
            first, last = next(iter(stuck))
            raise Incomplete(
                f"{feed.method} returns at most {largest} rows, and omits some between "
                f"{to_time(first):%Y-%m-%d %H:%M:%S.%f} and "
                f"{to_time(last):%Y-%m-%d %H:%M:%S.%f} UTC"
                + (f", and in {len(stuck) - 1} more ranges" if len(stuck) > 1 else "")
            )


def _parts(
    first: int, last: int, oldest: int, newest: int, margin: int
) -> list[tuple[int, int]] | None:
    """The parts of a window that are left to request, newest last; None if a further request would
    return the same rows."""
    if newest < first - margin or oldest > last + margin:
        return None  # the exchange ignores the window
    left = (first, min(oldest, last)) if oldest >= first else None
    right = (max(newest, first), last) if newest <= last else None
    if (first, last) not in (left, right):
        return [part for part in (left, right) if part]
    if last - first <= margin // 4 or oldest < first - 2 * margin or newest > last + 2 * margin:
        return None
    # all rows are at one end of the window or in its margin
    middle = (first + last) // 2
    return [(first, middle), (middle + 1, last)]


async def _takes_milliseconds(call: Caller, feed: Feed, times: list[int]) -> bool:
    """Whether a window of a row's millisecond returns that row and no row outside it."""
    for time in dict.fromkeys(times):
        if time % 1000 not in (0, 1, 999):
            found = feed.times(await _request(call, feed, time - 1, time + 1))
            return time in found and all(abs(other - time) <= 1 for other in found)
    return False


async def _request(call: Caller, feed: Feed, first: int, last: int) -> list[Raw]:
    return feed.read(await call(feed.method, {**feed.params, **feed.between(first, last)}))
