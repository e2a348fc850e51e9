"""The table `rejected`: rows of the exchange that could not be read, and their gaps."""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg.types.multirange import TimestamptzMultirange
from psycopg.types.range import TimestamptzRange

from alphapulse_pipeline.settings.printable import escape
from alphapulse_pipeline.settings.redaction import redact
from alphapulse_pipeline.warehouse.batches import Proof, Rejection, TimeRange
from alphapulse_pipeline.warehouse.queries import queries

_SQL = queries("rejected")
FIX = (
    "update alphapulse-pipeline; if that does not help, attach the row from the table "
    "alphapulse.rejected to a bug report"
)
"""What to do about a rejected row. It is read again in every run."""


_LONGEST_RAW = 4000
_LONGEST_REASON = 400


def rejection(
    stream: str,
    raw: str,
    reason: str,
    time: datetime | None = None,
    gap: tuple[TimeRange, ...] = (),
) -> Rejection:
    """A rejected row; `raw` and `reason` come from the exchange."""
    return Rejection(
        stream,
        hashlib.sha256(raw.encode(errors="replace")).hexdigest()[:32],
        time,
        escape(redact(reason))[:_LONGEST_REASON],
        escape(redact(raw))[:_LONGEST_RAW],
        gap,
    )


@dataclass(frozen=True)
class Rejected:
    """What is rejected of `dataset` for `account`. Changes are part of the open transaction."""

    connection: Connection[TupleRow]
    account: str
    dataset: str
    attempt: int = 0
    """The attempt's id in `sync_log`; what it rejects itself stays rejected until the next one."""

    def read_again(self, proof: Proof) -> None:
        """Forget what earlier attempts rejected in a range that was read again."""
        read = TimestamptzRange(proof.covered.start, proof.covered.end, "[)")
        self._execute("read_again", stream=proof.stream, read=read)
        self._execute("forget", stream=proof.stream)

    def replace(self) -> None:
        """Forget what earlier attempts rejected: a whole snapshot was read again."""
        self._execute("replace")

    def store(self, row: Rejection) -> None:
        """Record a row, and take its times out of the coverage."""
        gap = TimestamptzMultirange(
            [TimestamptzRange(times.start, times.end, "[)") for times in row.gap if not times.empty]
        )
        self._execute(
            "store",
            stream=row.stream,
            row_id=row.row_id,
            happened_at=row.happened_at,
            reason=row.reason,
            raw=row.raw,
            gap=gap,
        )
        self._execute("uncover", stream=row.stream, gap=gap)

    def known(self) -> set[tuple[str, str]]:
        """(stream, row id) of all rejected rows."""
        return set(self.connection.execute(_SQL.known, self._of()).fetchall())

    def _execute(self, name: str, **values: Any) -> None:
        self.connection.execute(getattr(_SQL, name), self._of(**values))

    def _of(self, **values: Any) -> dict[str, Any]:
        return {
            "account": self.account,
            "dataset": self.dataset,
            "attempt": self.attempt,
            **values,
        }


def summaries(
    connection: Connection[TupleRow], accounts: Collection[str]
) -> dict[tuple[str, str], str]:
    """(account, dataset) -> in one line, which of its rows are rejected."""
    rows = connection.execute(_SQL.of_accounts, {"accounts": list(accounts)}).fetchall()
    return {(account, dataset): _summary(*rest) for account, dataset, *rest in rows}


def _summary(stream: str, time: datetime | None, reason: str, count: int) -> str:
    counted = "1 row" if count == 1 else f"{count} rows"
    of = f"{time:%Y-%m-%d %H:%M:%S} UTC" if time else "an unknown time"
    newest = "" if count == 1 else "the newest: "
    return f"{counted} could not be read ({newest}{stream}, of {of}: {reason})"
