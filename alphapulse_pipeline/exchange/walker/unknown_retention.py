"""Limits proofs to the oldest row, for exchanges whose retention is unknown.

An exchange may keep less than it says, and return empty lists for the rest. A row proves that the
exchange still serves its time and everything newer. An empty range older than the oldest row may be
a quiet period, or one whose rows the exchange has deleted.
"""

from collections.abc import AsyncGenerator, Callable
from dataclasses import replace

from alphapulse_pipeline.exchange.feed import Page, Raw

RETENTION_UNKNOWN = (
    "the exchange returned no older row, and how far back it keeps rows is not known"
)


async def limit_to_oldest_row(
    pages: AsyncGenerator[Page, None],
    served_from: int,
    older_served: bool,
    moment: Callable[[Raw], int],
) -> AsyncGenerator[Page, None]:
    """The pages of a walk, each proving only the range from the oldest row so far.

    `served_from`: milliseconds; every exchange keeps rows from then on. `older_served`: whether the
    exchange is known to have served a row older than the whole walk. `moment`: a row's time. Ranges
    held back are yielded as soon as an older row arrives; the remaining ones are yielded last, as
    pages without rows and with `unverified` set.
    """
    oldest = 0 if older_served else served_from
    held: list[Page] = []
    async for page in pages:
        oldest = min([oldest, *(moment(row) for row in page.rows)])
        for proved in [_newer(part, oldest) for part in (*held, page)]:
            if proved.rows or proved.start < proved.end:
                yield proved
        held = [
            _older(part, oldest) for part in (*held, page) if part.start < min(oldest, part.end)
        ]
    for part in held:
        yield replace(part, unverified=RETENTION_UNKNOWN)


def _newer(page: Page, than: int) -> Page:
    return replace(page, start=min(max(page.start, than), page.end))


def _older(page: Page, than: int) -> Page:
    return replace(page, rows=[], end=min(page.end, than))
