"""Limits proofs to the oldest row, for exchanges whose retention is not documented.

An exchange may keep less than it says, and return empty lists for the rest. A row proves that the
exchange still serves its time and everything newer. An empty range older than the oldest row may be
a quiet period, or one whose rows the exchange has deleted: then an older stored row is requested,
since everything after it is proven if it is still served.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator
from dataclasses import replace

from alphapulse_pipeline.exchange.feed import Caller, Feed, Page, Raw
from alphapulse_pipeline.exchange.walker.too_old import walk_served

RETENTION_UNKNOWN = (
    "the exchange returned no older row, and how far back it keeps rows is not known"
)
_DAY = 86_400_000


async def limit_to_oldest_row(
    pages: AsyncGenerator[Page, None],
    served_from: int,
    known_row: int | None,
    is_served: Callable[[int], Awaitable[bool]],
    moment: Callable[[Raw], int | None],
) -> AsyncGenerator[Page, None]:
    """The pages of a walk, each proving only the range from the oldest row so far.

    `served_from`: milliseconds; the exchange is documented to keep rows from then on. `known_row`:
    the time of a stored row, if there is one. `is_served`: requests whether the exchange
    still returns it. `moment`: a row's time, if it can be read. Ranges held back are yielded as
    soon as an older row arrives; those that nothing proves are yielded last, with `unverified` set.
    """
    oldest = served_from
    held: list[Page] = []
    async for page in pages:
        # a row may be older than its window, and proves only that the window is served
        times = [time for row in page.rows if (time := moment(row)) is not None]
        oldest = min([oldest, *(max(time, page.start) for time in times)])
        for proved in _proved((*held, page), oldest):
            yield proved
        held = _unproved((*held, page), oldest, moment)
    useful = known_row is not None and any(known_row < part.end for part in held)
    if known_row is not None and useful and await is_served(known_row):
        for proved in _proved(held, known_row):
            yield proved
        held = _unproved(held, known_row, moment)
    for part in held:
        yield replace(part, unverified=part.unverified or RETENTION_UNKNOWN)


async def is_served(call: Caller, feed: Feed, time: int) -> bool:
    """Whether the exchange still returns a row of `time`, in milliseconds, or an older one.

    A day is requested, since the window may be of another time than the row's own, e.g. of an
    order's last change.
    """
    async for page in walk_served(call, feed, time, time + _DAY):
        if any(moment <= time for moment in feed.times(page.rows)):
            return True
    return False


def _proved(pages: Iterable[Page], oldest: int) -> Iterator[Page]:
    for page in pages:
        newer = replace(page, start=min(max(page.start, oldest), page.end))
        if newer.rows or newer.start < newer.end:
            yield newer


def _unproved(
    pages: Iterable[Page], oldest: int, moment: Callable[[Raw], int | None]
) -> list[Page]:
    return [
        replace(
            page,
            rows=[row for row in page.rows if moment(row) is None],
            end=min(page.end, oldest),
        )
        for page in pages
        if page.start < min(oldest, page.end)
    ]
