"""Paging of histories (documentation: "Pagination").

There is no cursor. A page is newest first and has at most a hundred rows: with `after` those older
than an id, with `before` those newer than it (the newest hundred of them), without either the
newest. After a full page more rows may follow; only an empty page proves the end.
"""

from collections.abc import Callable, Iterator
from itertools import islice
from typing import TypeVar

from exchange_simulator.okx.answers import Refused
from exchange_simulator.okx.call import Call
from exchange_simulator.okx.identity import moment
from exchange_simulator.state import Numbered
from exchange_simulator.timeline import Timeline

Row = TypeVar("Row", bound=Numbered)


def by_id(
    call: Call,
    timeline: Timeline[Row],
    number_of: Callable[[Row], int],
    keep: Callable[[Row], bool],
    *,
    since: int = 0,
    until: int | None = None,
) -> list[Row]:
    """A page by id (`after`, `before`) and time (`begin`, `end`, both inclusive) of rows that
    happened between `since` and `until` (by default now)."""
    begin, end = call.integer("begin"), call.integer("end")
    if begin is not None and end is not None and begin > end:
        raise Refused(51000, "begin")
    after, before = call.integer("after"), call.integer("before")
    first = max(since, begin or 0)
    newest = call.now if until is None else until
    last = newest if end is None else min(end, newest)
    if after is not None:
        last = min(last, moment(after))
    if before is not None:
        first = max(first, moment(before))

    def asked_for(row: Row) -> bool:
        number = number_of(row)
        return (after is None or number < after) and (before is None or number > before)

    rows = (row for row in _newest_first(call, timeline, first, last) if asked_for(row))
    return _page(call, filter(keep, rows))


def by_time(
    call: Call,
    timeline: Timeline[Row],
    keep: Callable[[Row], bool],
    *,
    since: int = 0,
    until: int | None = None,
) -> list[Row]:
    """A page by time alone: if the rows of one millisecond do not fit, the rest is unreachable."""
    after, before = call.integer("after"), call.integer("before")
    first = since if before is None else max(since, before + 1)
    newest = call.now if until is None else until
    last = newest if after is None else min(newest, after - 1)
    return _page(call, filter(keep, _newest_first(call, timeline, first, last)))


def _newest_first(call: Call, timeline: Timeline[Row], first: int, last: int) -> Iterator[Row]:
    for _, row in call.exchange.newest_first(timeline, first, last, call.now):
        yield row


def _page(call: Call, rows: Iterator[Row]) -> list[Row]:
    return list(islice(rows, call.limit()))
