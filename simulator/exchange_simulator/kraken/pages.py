"""Paging of trades, orders and ledger entries: 50 rows, newest first, `ofs` rows skipped
(documentation: "Get Trades History", "Get Closed Orders", "Get Ledgers Info").

`start` (exclusive) and `end` (inclusive) are ids or seconds; fractions of a second are truncated.
Rows have finer times, so `end` excludes the rest of its second. Offsets count from the newest row:
unless `end` is in the past, every new row shifts all pages.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, NamedTuple, TypeVar

from exchange_simulator.kraken.answers import INVALID_ARGUMENTS, Refused
from exchange_simulator.kraken.call import Call
from exchange_simulator.kraken.directory import Directory
from exchange_simulator.state import Numbered

PAGE = 50

Row = TypeVar("Row")
NumberedRow = TypeVar("NumberedRow", bound=Numbered)


class Window(NamedTuple):
    """The range between `start` and `end`."""

    first: int
    last: int
    """Milliseconds, both inclusive."""
    after: int
    upto: int | None
    """Indexes, if the bounds were ids: the rows after the first id, up to and including the
    last."""

    def holds(self, at: int) -> bool:
        return self.first <= at <= self.last


def window(call: Call, directory: Directory[Any]) -> Window:
    """Raises Refused if `start` or `end` is neither a time nor an id."""
    call.exchange.world.advance_to(call.now)
    first, last, after, upto = 0, call.now, -1, None
    if call.text("start"):
        seconds = call.timestamp("start")
        if seconds is None:
            after = _index(directory, call.text("start"))
            first = directory.timeline.time(after)
        else:
            first = int(seconds) * 1000 + 1
    if call.text("end"):
        seconds = call.timestamp("end")
        if seconds is None:
            upto = _index(directory, call.text("end"))
            last = directory.timeline.time(upto)
        else:
            last = int(seconds) * 1000
    return Window(first, last, after, upto)


def history(call: Call, directory: Directory[NumberedRow]) -> Iterator[NumberedRow]:
    """The rows between `start` and `end`, newest first."""
    asked = window(call, directory)
    seen = call.exchange.newest_first(
        directory.timeline, asked.first, asked.last, call.now, from_index=asked.upto
    )
    return (row for index, row in seen if index > asked.after)


def page(
    call: Call,
    name: str,
    rows: Iterable[Row],
    row_of: Callable[[Row], tuple[str, dict[str, Any]]],
) -> dict[str, Any]:
    """`{name: {id: row}, "count": total number of rows}`."""
    left = iter(rows)
    before = sum(1 for _ in islice(left, call.integer("ofs")))
    found = list(islice(left, PAGE))
    result: dict[str, Any] = {name: dict(map(row_of, found))}
    if not call.flag("without_count"):
        result["count"] = before + len(found) + sum(1 for _ in left)
    return result


def by_id(
    call: Call, directory: Directory[NumberedRow], ids: Iterable[str]
) -> Iterator[NumberedRow]:
    """The rows with these ids; unknown ids are skipped."""
    call.exchange.world.advance_to(call.now)
    for name in ids:
        index = directory.find(name)
        if index is None:
            continue
        row = directory.timeline.rows[index]
        if call.exchange.visible(directory.timeline, row, call.now):
            yield row


def _index(directory: Directory[Any], name: str) -> int:
    index = directory.find(name)
    if index is None:
        raise Refused(INVALID_ARGUMENTS)
    return index
