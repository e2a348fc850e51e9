"""Rows without a readable time, in lists whose rows are in order.

Such a row is of a time between those of the rows around it. So it comes with its own page, and with
the following ones until the range of a page has passed a row that came after it. Where the order is
not known, it comes with every further page of its window.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from alphapulse_pipeline.exchange.feed import Raw


@dataclass
class Untimed:
    ordered: bool = True
    newest_first: bool = True
    disorder: int = 0
    """Milliseconds by which a row may be out of order."""
    _rows: list[Raw] = field(default_factory=list)
    _next: int | None = None
    """The time of the first row that came after them and has one."""

    def add(self, rows: Iterable[Raw], moments: Iterable[int | None]) -> None:
        """The rows of an answer in its order, and their times as far as they can be read."""
        for row, time in zip(rows, moments, strict=True):
            if time is None:
                self._rows.append(row)
                self._next = None
            elif self._next is None:
                self._next = time

    def within(self, start: int, end: int) -> list[Raw]:
        """Those that may be in `[start, end)`. The ranges must be asked for in order."""
        if self.ordered and self._next is not None:
            passed = end <= self._next - self.disorder if self.newest_first else start > self._next
            if passed:
                self._rows = []
        return list(self._rows)
