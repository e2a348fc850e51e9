"""Windows that an exchange refuses since they reach too far back, instead of answering with less.

An exchange may serve less than its documentation says, and a window that begins too early is
refused as a whole. So the range is halved until the time is found from which on it is served.
"""

from collections.abc import AsyncGenerator

from ccxt.base.errors import BaseError

from alphapulse_pipeline.exchange.errors import ExchangeFailure, Kind, exchange_message, kind_of
from alphapulse_pipeline.exchange.feed import Caller, Feed, Page

_EXACT = 60_000
"""Milliseconds to which that time is found: it moves on meanwhile."""


async def walk_served(
    call: Caller, feed: Feed, start: int, end: int, after: str | None = None
) -> AsyncGenerator[Page, None]:
    """The pages of `[start, end)` in milliseconds, as `feed.paging` walks them.

    What is too old for the exchange comes last, as a page without rows and with `unverified` set.
    """
    first, read_from, refused, reason = start, end, start, ""
    while first < read_from:
        try:
            async for page in feed.paging.walk(call, feed, first, read_from, after):
                read_from = min(read_from, page.start)
                yield page
            read_from = first
        except (BaseError, ExchangeFailure) as error:
            # pages that begin at the start are oldest first, and what they lack is newer
            if kind_of(error) is not Kind.TOO_OLD or read_from <= first:
                raise
            refused, after = first, None
            reason = f"the exchange no longer serves it: {exchange_message(str(error))}"
        first = (refused + read_from) // 2 if read_from - refused > _EXACT else read_from
    if reason:
        yield Page([], start, read_from, unverified=reason)
