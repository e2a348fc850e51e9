"""What the histories lack of the time between two snapshots."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.portfolio.queries import queries

_SQL = queries("history_gaps")
_TOLERANCE = timedelta(seconds=1)
"""An exchange's clock agrees with ours to a second, and some exchanges round times to seconds."""

Row = Mapping[str, Any]
"""With the `account` of the two snapshots, and their times `opened_at` and `closed_at`."""


@dataclass(frozen=True, slots=True)
class _Range:
    dataset: str
    start: datetime
    end: datetime
    reason: str


class HistoryGaps:
    """Until when the histories are synced, and where they have gaps since a time."""

    def __init__(
        self, connection: Connection[TupleRow], histories: Sequence[str], since: datetime
    ) -> None:
        asked = {"histories": list(histories), "since": since}
        self._synced: dict[str, dict[str, datetime | None]] = {}
        for account, dataset, up_to in connection.execute(_SQL.synced_up_to, asked):
            self._synced.setdefault(account, {})[dataset] = up_to
        self._not_synced: dict[str, list[str]] = dict(
            connection.execute(_SQL.not_synced, asked).fetchall()
        )
        self._gaps: dict[str, list[_Range]] = {}
        self._unreachable: dict[str, list[_Range]] = {}
        for account, unreachable, *values in connection.execute(_SQL.gaps, asked):
            ranges = self._unreachable if unreachable else self._gaps
            ranges.setdefault(account, []).append(_Range(*values))

    def missing(self, row: Row) -> str:
        """The part of a window's history that a later run may bring."""
        until = row["closed_at"] + _TOLERANCE
        for dataset, up_to in self._synced.get(row["account"], {}).items():
            if up_to is None:
                return f"{dataset} are not synced yet"
            if up_to < until:
                return f"{dataset} are synced up to {up_to:%Y-%m-%d %H:%M:%S} only"
        if gap := _first(self._gaps, row):
            return f"gap in {gap.dataset}: {gap.reason}"
        return ""

    def never(self, row: Row) -> str:
        """The part of a window's history that no run will bring."""
        if gap := _first(self._unreachable, row):
            return f"{gap.dataset} of this time are unreachable: {gap.reason}"
        if not_synced := self._not_synced.get(row["account"]):
            return f"{', '.join(not_synced)} of this account are not synced"
        return ""


def _first(ranges: dict[str, list[_Range]], row: Row) -> _Range | None:
    """The first range that overlaps a window."""
    start, end = row["opened_at"] - _TOLERANCE, row["closed_at"] + _TOLERANCE
    return next(
        (r for r in ranges.get(row["account"], ()) if r.start < end and r.end > start), None
    )
