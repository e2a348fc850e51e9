"""The table `rereads`: times of a history that are read again, because a row of them may be missing
where a balance or a position is unexplained."""

from dataclasses import dataclass
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg.types.range import TimestamptzRange

from alphapulse_pipeline.warehouse.batches import TimeRange
from alphapulse_pipeline.warehouse.queries import queries

_SQL = queries("rereads")
_MOST_FAILURES = 5
"""After so many runs that failed to read a time again, no other tries."""


@dataclass(frozen=True, slots=True)
class Reread:
    """A time to read again."""

    id: int
    asset: str
    """The asset that may lack a row; empty: any."""
    listed_in: str
    """The market that may lack a fill; empty: any."""
    times: TimeRange
    reason: str


@dataclass(frozen=True)
class Rereads:
    """What is to be read again of `dataset` for `account`."""

    connection: Connection[TupleRow]
    account: str
    dataset: str

    def due(self) -> list[Reread]:
        return [
            Reread(id_, asset, listed_in, TimeRange(starts_at, ends_at), reason)
            for id_, asset, listed_in, starts_at, ends_at, reason in self._rows("due")
        ]

    def asked(self, reread: Reread, outcome: str = "") -> None:
        """Record that the exchange was asked; `outcome` says what could not be read, and why. Call
        it after the rows are stored."""
        self._execute("asked", id=reread.id, outcome=outcome)

    def failed(self, reread: Reread, outcome: str) -> None:
        self._execute("failed", id=reread.id, outcome=outcome, most=_MOST_FAILURES)

    def imported(self, times: TimeRange) -> set[str]:
        """The streams of which an imported file proves a part of this time."""
        rows = self._rows("imported", times=TimestamptzRange(times.start, times.end, "[)"))
        return {stream for (stream,) in rows}

    def _execute(self, name: str, **values: Any) -> None:
        self.connection.execute(getattr(_SQL, name), self._of(values))

    def _rows(self, name: str, **values: Any) -> list[TupleRow]:
        return self.connection.execute(getattr(_SQL, name), self._of(values)).fetchall()

    def _of(self, values: dict[str, Any]) -> dict[str, Any]:
        return {"account": self.account, "dataset": self.dataset, **values}
