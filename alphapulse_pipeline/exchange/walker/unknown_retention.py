"""Emptiness that proves nothing: an exchange may keep less than it says, and answer the rest empty.

A row shows that the exchange still serves its time, and so everything younger. What is older than
the oldest row may have been a quiet time, or one that the exchange has forgotten.
"""

from collections.abc import AsyncGenerator, Callable
from dataclasses import replace

from alphapulse_pipeline.exchange.feed import Page, Raw

DOUBT = "nothing older was answered, and how far back the exchange serves is not known"


async def believed(
    pages: AsyncGenerator[Page, None],
    sure_from: int,
    older: bool,
    moment: Callable[[Raw], int],
) -> AsyncGenerator[Page, None]:
    """The pages of a walk, each proving only what is not older than the oldest row until then.

    `sure_from`: milliseconds; no exchange is known to forget what is younger. `older`: whether
    something older than all of the walk is known to have been served. `moment`: a row's time.
    What was held back comes as soon as an older row does; what no row shows to be served comes
    last, without rows, its `doubt` set.
    """
    sure = 0 if older else sure_from
    held: list[Page] = []
    async for page in pages:
        sure = min([sure, *(moment(row) for row in page.rows)])
        for proved in [_younger(part, sure) for part in (*held, page)]:
            if proved.rows or proved.start < proved.end:
                yield proved
        held = [_older(part, sure) for part in (*held, page) if part.start < min(sure, part.end)]
    for part in held:
        yield replace(part, doubt=DOUBT)


def _younger(page: Page, than: int) -> Page:
    return replace(page, start=min(max(page.start, than), page.end))


def _older(page: Page, than: int) -> Page:
    return replace(page, rows=[], end=min(page.end, than))
