"""How much of what a history lacks has been read."""

from collections.abc import Iterable
from datetime import timedelta

from alphapulse_pipeline.exchange.feed import Page
from alphapulse_pipeline.warehouse.history_state import Gap


class Share:
    """Counts the times of pages, whatever their order."""

    def __init__(self, gaps: Iterable[Gap]) -> None:
        self._left = {gap: gap.missing.end - gap.missing.start for gap in gaps}
        self._wanted = sum(self._left.values(), timedelta())

    def read(self, gap: Gap, page: Page) -> None:
        """A page of a gap has arrived."""
        took = timedelta(milliseconds=max(0, page.end - page.start))
        self._left[gap] = max(timedelta(), self._left[gap] - took)

    @property
    def value(self) -> float:
        """From 0 to 1."""
        left = sum(self._left.values(), timedelta())
        return 1 - left / self._wanted if self._wanted else 1.0
