"""Rows in the order in which they happened, found by time."""

from array import array
from bisect import bisect_left, bisect_right
from typing import Generic, TypeVar

Row = TypeVar("Row")


class Timeline(Generic[Row]):
    """Append-only: a row keeps its index for ever, so an index can serve as a page's cursor."""

    __slots__ = ("_times", "rows")

    def __init__(self) -> None:
        self._times = array("q")
        self.rows: list[Row] = []

    def append(self, at: int, row: Row) -> None:
        """Rows come in the order of time: `at` is not before the last row's."""
        self._times.append(at)
        self.rows.append(row)

    def time(self, index: int) -> int:
        """When the row of this index happened."""
        return self._times[index]

    def until(self, at: int) -> int:
        """How many rows had happened at `at`, that millisecond included."""
        return bisect_right(self._times, at)

    def span(self, first: int, last: int) -> range:
        """The indexes of the rows in `[first, last]`, both milliseconds included."""
        return range(bisect_left(self._times, first), bisect_right(self._times, last))

    def latest(self, at: int) -> Row | None:
        """The last row that had happened at `at`."""
        index = bisect_right(self._times, at)
        return self.rows[index - 1] if index else None
