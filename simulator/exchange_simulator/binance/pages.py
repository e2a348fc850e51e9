"""Binance's paging of histories: by time, by id, or just the newest rows.

Rows are always ascending within a page, and an answer never says whether more rows follow.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple, TypeVar

from exchange_simulator.binance.answers import Refused, missing
from exchange_simulator.binance.call import Call
from exchange_simulator.state import Numbered
from exchange_simulator.timeline import Timeline

Row = TypeVar("Row")
PageRow = TypeVar("PageRow", bound=Numbered)


class Window(NamedTuple):
    """Milliseconds, both inclusive."""

    start: int
    end: int


def spot_window(call: Call, longest: int) -> Window | None:
    """None if neither end was sent; if only one was, the other is `longest` away."""
    hours = longest // 3_600_000
    too_long = Refused(-1127, f"More than {hours} hours between startTime and endTime.")
    return _window(call, longest, missing("endTime"), too_long)


def futures_window(call: Call, longest: int) -> Window | None:
    days = longest // 86_400_000
    too_long = Refused(-4165, f"Maximum time interval is {days} days")
    return _window(call, longest, Refused(-1023, "Start time is greater than end time."), too_long)


def wallet_window(call: Call, longest: int) -> Window:
    """The last `longest` milliseconds if neither end was sent."""
    too_long = Refused(-1127)
    window = _window(call, longest, too_long, too_long)
    return window or Window(call.now - longest, call.now)


def _window(call: Call, longest: int, upside_down: Refused, too_long: Refused) -> Window | None:
    start, end = call.integer("startTime"), call.integer("endTime")
    if start is None and end is None:
        return None
    if start is None:
        assert end is not None
        start = max(end - longest, 0)
    elif end is None:
        end = start + longest
    if start > end:
        raise upside_down
    if end - start > longest:
        raise too_long
    return Window(start, end)


def oldest(
    call: Call,
    timeline: Timeline[PageRow],
    window: Window,
    limit: int,
    keep: Callable[[PageRow], bool],
    from_index: int | None = None,
) -> list[PageRow]:
    """The oldest rows of the window, starting at row `from_index`."""
    seen = call.exchange.oldest_first(
        timeline, window.start, window.end, call.now, from_index=from_index
    )
    return take((row for _, row in seen), limit, keep)


def newest(
    call: Call,
    timeline: Timeline[PageRow],
    window: Window,
    limit: int,
    keep: Callable[[PageRow], bool],
) -> list[PageRow]:
    """The newest rows of the window, oldest first."""
    seen = call.exchange.newest_first(timeline, window.start, window.end, call.now)
    return take((row for _, row in seen), limit, keep)[::-1]


def take(rows: Iterable[Row], limit: int, keep: Callable[[Row], bool]) -> list[Row]:
    found: list[Row] = []
    for row in rows:
        if keep(row):
            found.append(row)
            if len(found) == limit:
                break
    return found
