"""Ends a call of ccxt's that sends requests without end.

Some of ccxt's methods request the next page for as long as an answer names one. An exchange whose
cursor leads to itself would keep such a call busy for ever.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from alphapulse_pipeline.exchange.errors import Unreadable

MOST = 100
"""Requests of one call. The list of markets takes some dozens, where an exchange lists them by
coin; nothing else that we call takes more than a few."""
_SENT: ContextVar[list[None] | None] = ContextVar("_SENT", default=None)


@contextmanager
def one_call() -> Iterator[None]:
    """Until the end of the context, requests are counted, also those of tasks that it starts."""
    before = _SENT.set([])
    try:
        yield
    finally:
        _SENT.reset(before)


def count_request(endpoint: str) -> None:
    """Raises `Unreadable` if the call has sent too many."""
    sent = _SENT.get()
    if sent is None:
        return
    sent.append(None)
    if len(sent) > MOST:
        raise Unreadable(f"{endpoint}: still another page after {MOST} requests for one list")
