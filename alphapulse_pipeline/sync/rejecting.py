"""Rejects rows of the exchange that cannot be read, and keeps their times out of the coverage.

A few rows are rejected; where no row of a page can be read, or too many of a stream, the exchange
has changed its format: then the stream fails, and nothing of it is proven.
"""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from alphapulse_pipeline.exchange.errors import ExchangeFailure, Kind, Unreadable
from alphapulse_pipeline.exchange.feed import Feed, Page, Raw, to_time
from alphapulse_pipeline.exchange.parsing import Parsed, Unread
from alphapulse_pipeline.warehouse.batches import Rejection, TimeRange
from alphapulse_pipeline.warehouse.rejected import FIX, rejection

MOST = 20
"""Rows of a stream that are rejected; each costs a request in every run."""


@dataclass
class Rejecting:
    """What one attempt rejects."""

    known: Collection[tuple[str, str]]
    """(stream, row id) of what earlier attempts rejected."""
    proven_to: datetime
    """Nothing after it counts as complete, so that nothing of it has to stay a gap."""
    _found: dict[str, set[str]] = field(default_factory=dict)

    def of_page(self, stream: str, feed: Feed, page: Page, found: Parsed) -> list[Rejection]:
        """The rejected rows of a page of a history. Raises `Unreadable` if they are too many."""
        rows = [
            rejected_row(stream, row, *self._place(feed, row.raw, page))
            for row in (*found.unread, *found.ambiguous)
        ]
        self._check(stream, rows, found)
        return rows

    def of_list(self, stream: str, found: Parsed) -> list[Rejection]:
        """The same, of a list of what is open now."""
        rows = [rejected_row(stream, row) for row in (*found.unread, *found.ambiguous)]
        self._check(stream, rows, found)
        return rows

    def _place(
        self, feed: Feed, raw: Raw, page: Page
    ) -> tuple[datetime | None, tuple[TimeRange, ...]]:
        """The row's time, and the times that must not be covered."""
        time = feed.moment(raw)
        own = () if time is None else (TimeRange(to_time(time), to_time(time + 1)),)
        if time is not None and (not page.any_time or page.start <= time < page.end):
            return to_time(time), own
        start, end = to_time(page.start), min(to_time(page.end), self.proven_to)
        came_with = (TimeRange(start, max(start, end)),)
        return None if time is None else to_time(time), (*own, *came_with)

    def _check(self, stream: str, rows: Sequence[Rejection], found: Parsed) -> None:
        ids = {row.row_id for row in rows}
        of_stream = self._found.setdefault(stream, set())
        of_stream |= ids
        is_new = any((stream, row_id) not in self.known for row_id in ids)
        # rows with the same key can be read; only which of them to store is not known
        none_read = not found.rows and not found.ambiguous and len(ids) > 1
        if is_new and (none_read or len(of_stream) > MOST):
            raise Unreadable(rows[0].reason)


def rejected_row(
    stream: str, row: Unread, time: datetime | None = None, gap: tuple[TimeRange, ...] = ()
) -> Rejection:
    """A row that could not be read, as it is stored."""
    text = json.dumps(row.raw, sort_keys=True, ensure_ascii=False, default=str)
    return rejection(stream, text, row.reason, time, gap)


def unreadable(rows: Collection[Rejection]) -> ExchangeFailure:
    """The failure of a list of what is open or held now: without these rows it is not whole."""
    first = next(iter(rows))
    counted = "a row" if len(rows) == 1 else f"{len(rows)} rows"
    problem = f"{first.stream}: {counted} could not be read: {first.reason}"
    return ExchangeFailure(Kind.UNREADABLE, problem, FIX)
