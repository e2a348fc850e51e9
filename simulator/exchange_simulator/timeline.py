"""Rows in chronological order, found by time."""

from array import array
from bisect import bisect_left, bisect_right
from typing import Generic, TypeVar

Row = TypeVar("Row")


class Timeline(Generic[Row]):
    """Append-only: a row keeps its index forever, so an index can serve as a page's cursor."""

    __slots__ = ("_times", "rows")

    def __init__(self) -> None:
        self._times = array("q")
        self.rows: list[Row] = []

    def append(self, at: int, row: Row) -> None:
        """Append a row; `at` must not be before the last row's time."""
        self._times.append(at)
        self.rows.append(row)

    def time(self, index: int) -> int:
        """Time of the row with this index."""
        return self._times[index]

    def until(self, at: int) -> int:
        """Number of rows up to and including `at`."""
        return bisect_right(self._times, at)

    def span(self, first: int, last: int) -> range:
        """Indexes of the rows in `[first, last]`, both milliseconds inclusive."""
        return range(bisect_left(self._times, first), bisect_right(self._times, last))

    def latest(self, at: int) -> Row | None:
        """The last row up to and including `at`."""
        index = bisect_right(self._times, at)
        return self.rows[index - 1] if index else None
