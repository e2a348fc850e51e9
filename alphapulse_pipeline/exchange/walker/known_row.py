"""Accepts empty answers only while the exchange still returns a known row.

A broken endpoint may answer with an empty list. So where a list has had rows before, empty pages
are held back until the list has returned a row that is known to be in it.
"""

from collections.abc import AsyncGenerator

from ccxt.base.errors import BaseError

from alphapulse_pipeline.exchange.errors import ExchangeFailure, Kind
from alphapulse_pipeline.exchange.feed import Caller, Feed, Page, to_time
from alphapulse_pipeline.exchange.walker.too_old import walk_served

_HELD = 20
"""The most empty pages held back, so that a long quiet period is proven step by step."""


async def confirm_empty_pages(
    pages: AsyncGenerator[Page, None],
    feed: Feed,
    call: Caller,
    known_row: int | None,
) -> AsyncGenerator[Page, None]:
    """The pages of a walk; pages without rows are yielded once the known row was returned.

    `known_row`: its time in milliseconds, if there is one; rows that the walk itself finds take its
    place. Raises `ExchangeFailure` of kind `SUSPECT` if the known row is not returned.
    """
    held: list[Page] = []
    failure: Exception | None = None
    try:
        async for page in pages:
            if page.rows:
                known_row = max(feed.times(page.rows), default=known_row)
                yield page
                continue
            held.append(page)
            if len(held) == _HELD:
                await _check_known_row(feed, call, known_row)
                for empty in held:
                    yield empty
                held = []
    except (TimeoutError, OSError, BaseError, ExchangeFailure) as error:
        failure = error
    if held:
        await _check_known_row(feed, call, known_row)
    for empty in held:
        yield empty
    if failure:
        raise failure


async def _check_known_row(feed: Feed, call: Caller, known_row: int | None) -> None:
    if known_row is None:
        return
    async for page in walk_served(call, feed, known_row, known_row + 1):
        if page.rows:
            return
    raise ExchangeFailure(
        Kind.SUSPECT,
        f"{feed.method} returns an empty list, and no longer returns a row of "
        f"{to_time(known_row):%Y-%m-%d %H:%M:%S} UTC that it returned before",
        "the range stays a gap, and the next run requests it again; if the exchange really has "
        "deleted the row, the same answer is accepted after a day",
    )
