"""Lists that not every account has, where the exchange does not say so otherwise: one that is
refused is a state of this list alone, and no failure."""

from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ccxt.base import errors as ccxt

from alphapulse_pipeline.exchange.errors import (
    ExchangeFailure,
    Kind,
    exchange_message,
    kind_of,
)
from alphapulse_pipeline.exchange.feed import Caller, Feed, Page, Paging

REFUSALS = (
    Kind.PERMISSION,
    Kind.NOT_ENABLED,
    Kind.NOT_OFFERED,
    Kind.UNSUPPORTED,
    Kind.REFUSED,
)


@contextmanager
def refusals_are_states() -> Iterator[None]:
    """Raises `ExchangeFailure` of the kind `NOT_OFFERED` for a refusal."""
    try:
        yield
    except (ccxt.BaseError, ExchangeFailure) as error:
        if kind_of(error) not in REFUSALS:
            raise
        raise ExchangeFailure(
            Kind.NOT_OFFERED,
            "the account has no such list, or its key may not read it: "
            + exchange_message(str(error)),
            "nothing needs to be done unless the account uses what it lists: then give its key the "
            "permission to read; it is asked about again every day",
        ) from None


@dataclass(frozen=True)
class Offered:
    """The pages of such a list."""

    pages: Paging

    async def walk(
        self, call: Caller, feed: Feed, start: int, end: int, after: str | None
    ) -> AsyncGenerator[Page, None]:
        with refusals_are_states():
            async for page in self.pages.walk(call, feed, start, end, after):
                yield page
