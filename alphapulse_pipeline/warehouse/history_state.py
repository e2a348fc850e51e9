"""Coverage of a history: which times of each stream are proven complete.

Coverage is stored as PostgreSQL multiranges. The gaps of a stream are its wanted range, minus the
covered and the unreachable times.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from psycopg import Connection, sql
from psycopg.rows import TupleRow
from psycopg.types.range import TimestamptzRange

from alphapulse_pipeline.datasets import HISTORIES, SCHEMA, History
from alphapulse_pipeline.warehouse.batches import Proof, TimeRange
from alphapulse_pipeline.warehouse.queries import queries
from alphapulse_pipeline.warehouse.rejected import Rejected

_SQL = queries("history_state")
SETTLES_WITHIN = timedelta(days=60)
"""How long rows that are not final are read again."""


@dataclass(frozen=True, slots=True)
class Gap:
    """A wanted range of a stream that is neither covered nor unreachable."""

    stream: str
    missing: TimeRange


@dataclass(frozen=True)
class HistoryState:
    """The coverage of `dataset` for `account`. Changes are part of the open transaction."""

    connection: Connection[TupleRow]
    account: str
    dataset: str

    @property
    def history(self) -> History:
        return HISTORIES[self.dataset]

    def want(self, streams: Iterable[tuple[str, str]], wanted: TimeRange) -> None:
        """Require `streams` (name, why it is read) to be complete over `wanted`.

        The start replaces the stored one, since `history_start` may change; the end never moves
        back.
        """
        with self.connection.cursor() as cursor:
            cursor.executemany(
                _SQL.want,
                [
                    self._of(stream=stream, source=source, start=wanted.start, end=wanted.end)
                    for stream, source in streams
                ],
            )

    def gaps(self, within: TimeRange) -> list[Gap]:
        """The gaps inside `within`, newest first."""
        rows = self._rows("gaps", within=_range(within))
        return [Gap(stream, TimeRange(start, end)) for stream, start, end in rows]

    def prove(self, proof: Proof) -> None:
        """Cover a proven range. Call it in the transaction that stores the rows.

        For an empty range, only the time of its newest row is stored.
        """
        if proof.covered.empty and proof.newest is None:
            return
        self._execute(
            "prove", stream=proof.stream, covered=_range(proof.covered), newest=proof.newest
        )

    def cover_by_import(self, asserted: TimeRange, streams: Sequence[str]) -> list[Gap]:
        """Cover a range for which the user asserts that an imported file is complete.

        Returns the newly covered ranges, i.e. those that were wanted and not covered; they are also
        stored as `imported`. Call it in the transaction that stores the rows.
        """
        for stream in streams:
            Rejected(self.connection, self.account, self.dataset).read_again(
                Proof(stream, asserted)
            )
        rows = self._rows("cover_by_import", asserted=_range(asserted), streams=list(streams))
        return [Gap(stream, TimeRange(start, end)) for stream, start, end in rows]

    def mark_unreachable(self, stream: str, lost: TimeRange, reason: str) -> None:
        """Record that the exchange no longer serves `lost`. Covered times stay covered.

        Only the newest reason is kept per stream.
        """
        self._execute("mark_unreachable", stream=stream, lost=_range(lost), reason=reason)

    def mark_reachable(self, stream: str, reason: str) -> None:
        """Turn times that were unreachable for `reason` into gaps again."""
        self._execute("mark_reachable", stream=stream, reason=reason)

    def reopen(self, closed: Sequence[str], reason: str) -> None:
        """Turn times whose reason begins with `reason` into gaps, except those of `closed`."""
        self._execute("reopen", closed=list(closed), reason=reason)

    def record_failure(self, reason: str) -> None:
        """Set the reason of all remaining gaps. Does not change coverage."""
        self._execute("record_failure", reason=reason)

    def suspect(self, stream: str, known_row_expires: timedelta) -> None:
        """Record that a stream no longer returns its known row.

        After `known_row_expires` the known row is discarded.
        """
        self._execute("suspect", stream=stream, expires=known_row_expires)

    def streams(self) -> list[str]:
        """The names of all streams ever requested."""
        return [row[0] for row in self._rows("streams")]

    def read_until(self) -> dict[str, datetime]:
        """The end of the wanted range of each stream without a gap, by stream."""
        return dict(self._rows("read_until"))

    def covered_until(self) -> datetime | None:
        """The end of the newest covered range of any stream."""
        until: datetime | None = self._value("covered_until")
        return until

    def newest_row(self, stream: str) -> datetime | None:
        """The time of the newest row ever read of a stream."""
        newest: datetime | None = self._value("newest_row", stream=stream)
        return newest

    def newest_id(
        self,
        market: str,
        wallet: str,
        before: datetime,
        served: datetime | None,
        unfilled_since: datetime,
    ) -> str | None:
        """The id of the newest row of a market before `before` that the exchange must still return.

        This excludes rows older than `served` (None: unlimited retention) and unfilled orders older
        than `unfilled_since`. None if there is no such row.
        """
        history = self.history
        names = {
            "id": sql.Identifier(history.id),
            "table": sql.Identifier(SCHEMA, history.name),
            "time": sql.Identifier(history.time),
        }
        has_fills = "filled" in history.by_name
        statement = _SQL.newest_id_with_fills if has_fills else _SQL.newest_id
        row = self.connection.execute(
            sql.SQL(statement.decode()).format(**names),
            self._of(
                market=market,
                wallet=wallet,
                before=before,
                served=served,
                unfilled_since=unfilled_since,
            ),
        ).fetchone()
        return str(row[0]) if row else None

    def newest_time(self, market: str, wallet: str, before: datetime) -> datetime | None:
        """The time of the newest row before `before` that the exchange is expected to return.

        An empty `market` or `wallet` stands for all of them. Unfilled orders are left out, since
        exchanges drop them early.
        """
        history = self.history
        wanted = {"market": market, "wallet": wallet}
        named = {name: value for name, value in wanted.items() if value and name in history.by_name}
        conditions = [
            sql.SQL("filled > 0" if "filled" in history.by_name else "true"),
            *(sql.SQL("{} = {}").format(sql.Identifier(n), v) for n, v in named.items()),
        ]
        [(newest,)] = self.connection.execute(
            sql.SQL(_SQL.newest_time.decode()).format(
                table=sql.Identifier(SCHEMA, history.name),
                time=sql.Identifier(history.time),
                condition=sql.SQL(" AND ").join(conditions),
            ),
            self._of(before=before),
        ).fetchall()
        time: datetime | None = newest
        return time

    def unsettled(self) -> list[TimeRange]:
        """The moments of recent rows that were not final when they were read last."""
        history = self.history
        if not history.unsettled:
            return []
        rows = self.connection.execute(
            sql.SQL(_SQL.unsettled.decode()).format(
                table=sql.Identifier(SCHEMA, history.name),
                time=sql.Identifier(history.time),
                condition=sql.SQL(history.unsettled),
            ),
            self._of(within=SETTLES_WITHIN),
        ).fetchall()
        return [TimeRange(start, end) for start, end in rows]

    def covered_time(self) -> timedelta:
        """The covered time, summed over all streams."""
        total: timedelta = self._value("covered_time")
        return total

    def missing_time(self) -> tuple[timedelta, timedelta]:
        """The time in gaps (without unreachable times) and the wanted time, over all streams."""
        [(missing, wanted)] = self._rows("missing_time")
        return missing, wanted

    def covered_share(self) -> Decimal | None:
        """Covered share of the wanted time, rounded down to 4 decimals. None if none is wanted."""
        share: Decimal | None = self._value("covered_share")
        return share

    def is_complete(self, within: TimeRange) -> bool:
        """Whether the wanted part of `within` has no gap."""
        return bool(self._value("is_complete", within=_range(within)))

    def _of(self, **values: Any) -> dict[str, Any]:
        return {"account": self.account, "dataset": self.dataset, **values}

    def _execute(self, name: str, **values: Any) -> None:
        self.connection.execute(getattr(_SQL, name), self._of(**values))

    def _rows(self, name: str, **values: Any) -> list[TupleRow]:
        return self.connection.execute(getattr(_SQL, name), self._of(**values)).fetchall()

    def _value(self, name: str, **values: Any) -> Any:
        row = self.connection.execute(getattr(_SQL, name), self._of(**values)).fetchone()
        return row[0] if row else None


def no_history_requested(connection: Connection[TupleRow], account: str) -> bool:
    """Whether no history of the account was ever requested."""
    row = connection.execute(_SQL.no_history_requested, {"account": account}).fetchone()
    return row == (True,)


def newest_gap_before(
    connection: Connection[TupleRow], account: str, datasets: Sequence[str], before: datetime
) -> TimeRange | None:
    """The newest gap before `before` in any of `datasets`; None if there is none."""
    row = connection.execute(
        _SQL.newest_gap_before,
        {"account": account, "datasets": list(datasets), "before": before},
    ).fetchone()
    return TimeRange(row[0], row[1]) if row else None


def _range(times: TimeRange) -> TimestamptzRange:
    return TimestamptzRange(times.start, times.end, "[)")
