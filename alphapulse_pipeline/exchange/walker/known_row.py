"""Emptiness that needs a witness: an endpoint that has broken down may answer "nothing there".

Where a list has shown rows before, an answer without any is believed only while the list still
shows one that is known: the witness.
"""

from collections.abc import AsyncGenerator

from ccxt.base.errors import BaseError

from alphapulse_pipeline.exchange.errors import ExchangeFailure, Kind
from alphapulse_pipeline.exchange.feed import Caller, Feed, Page, to_time

_HELD = 20
"""So many empty pages are held back at most, so that a long quiet time is proved step by step."""


async def witnessed(
    pages: AsyncGenerator[Page, None],
    feed: Feed,
    call: Caller,
    witness: int | None,
) -> AsyncGenerator[Page, None]:
    """The pages of a walk; those without rows come once the list was seen to show the witness.

    `witness`: the time (ms) of a row that is known, if any; what the walk finds itself is a better
    one. Raises `ExchangeFailure` of the kind `SUSPECT`.
    """
    held: list[Page] = []
    failure: Exception | None = None
    try:
        async for page in pages:
            if page.rows:
                witness = max(map(feed.moment, page.rows))
                yield page
                continue
            held.append(page)
            if len(held) == _HELD:
                await _believe(feed, call, witness)
                for empty in held:
                    yield empty
                held = []
    except (TimeoutError, OSError, BaseError, ExchangeFailure) as error:
        failure = error
    if held:
        await _believe(feed, call, witness)
    for empty in held:
        yield empty
    if failure:
        raise failure


async def _believe(feed: Feed, call: Caller, witness: int | None) -> None:
    if witness is None:
        return
    async for page in feed.paging.walk(call, feed, witness, witness + 1, None):
        if page.rows:
            return
    raise ExchangeFailure(
        Kind.SUSPECT,
        f"{feed.method} answers that nothing is there, but also where it showed a row before, at "
        f"{to_time(witness):%Y-%m-%d %H:%M:%S} UTC",
        "the range stays a gap and is asked again by the next run; where the exchange has really "
        "removed that row, a day of the same answers is believed",
    )
