"""The ledger of proof: which times of which stream are complete, in PostgreSQL's own ranges."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg import Connection, Cursor
from psycopg.rows import TupleRow
from psycopg.types.range import TimestamptzRange

from alphapulse_pipeline.warehouse.batches import Proof, TimeRange


@dataclass(frozen=True, slots=True)
class Gap:
    """A range of a stream that is wanted and not proved."""

    stream: str
    missing: TimeRange


def want(
    connection: Connection[TupleRow],
    account: str,
    dataset: str,
    streams: Iterable[tuple[str, str]],
    wanted: TimeRange,
) -> None:
    """Say that `streams` (name, source) must be known over `wanted`.

    The range begins where it is said now (`history_start` may be moved) and never ends earlier
    than before.
    """
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO alphapulse.streams AS s"
            " (account, dataset, stream, first_seen, source, wanted)"
            " VALUES (%s, %s, %s, now(), %s, tstzrange(%s, %s))"
            " ON CONFLICT (account, dataset, stream) DO UPDATE SET wanted ="
            # not lower(excluded.wanted): of an empty range that is NULL, which means for ever
            " tstzrange(%s, greatest(upper(s.wanted), %s))",
            [
                (account, dataset, stream, source, *(wanted.start, wanted.end) * 2)
                for stream, source in streams
            ],
        )


def gaps(
    connection: Connection[TupleRow], account: str, dataset: str, within: TimeRange
) -> list[Gap]:
    """What is neither covered nor unreachable inside `within`, newest first."""
    rows = connection.execute(
        "SELECT stream, lower(gap), upper(gap)"
        " FROM alphapulse.streams LEFT JOIN alphapulse.coverage USING (account, dataset, stream)"
        " CROSS JOIN LATERAL unnest(tstzmultirange(%(within)s)"
        "  - coalesce(covered, '{}') - coalesce(unreachable, '{}')) AS gap"
        " WHERE account = %(account)s AND dataset = %(dataset)s"
        " ORDER BY upper(gap) DESC, stream",
        {"within": _range(within), "account": account, "dataset": dataset},
    ).fetchall()
    return [Gap(stream, TimeRange(start, end)) for stream, start, end in rows]


def never_asked(connection: Connection[TupleRow], account: str) -> bool:
    """Whether no history of the account was ever asked for."""
    row = connection.execute(
        "SELECT NOT EXISTS (SELECT FROM alphapulse.streams WHERE account = %s)", [account]
    ).fetchone()
    return row == (True,)


def newest_gap_before(
    connection: Connection[TupleRow], account: str, datasets: Sequence[str], before: datetime
) -> TimeRange | None:
    """The newest wanted range before `before` that any of `datasets` lacks; None: complete."""
    row = connection.execute(
        "SELECT lower(older), upper(older) FROM alphapulse.coverage_gaps"
        " CROSS JOIN LATERAL (SELECT gap * tstzrange(NULL, %s) AS older) AS cut"
        " WHERE account = %s AND dataset = ANY(%s) AND NOT isempty(older)"
        " ORDER BY upper(older) DESC LIMIT 1",
        [before, account, list(datasets)],
    ).fetchone()
    return TimeRange(row[0], row[1]) if row else None


def prove(cursor: Cursor[TupleRow], account: str, dataset: str, proof: Proof) -> None:
    """Add a proved range; part of the transaction that stores its rows."""
    if proof.covered.empty:
        return
    cursor.execute(
        "INSERT INTO alphapulse.coverage AS c (account, dataset, stream, covered, updated_at)"
        " VALUES (%s, %s, %s, tstzmultirange(%s), now())"
        " ON CONFLICT (account, dataset, stream) DO UPDATE SET"
        " covered = c.covered + excluded.covered, updated_at = now(),"
        " last_failure = NULL, last_failure_at = NULL",
        [account, dataset, proof.stream, _range(proof.covered)],
    )


def mark_unreachable(
    connection: Connection[TupleRow], account: str, dataset: str, stream: str, lost: TimeRange
) -> None:
    """Say that the exchange no longer serves `lost`; what is covered of it stays covered."""
    connection.execute(
        "INSERT INTO alphapulse.coverage AS c (account, dataset, stream, unreachable, updated_at)"
        " VALUES (%s, %s, %s, tstzmultirange(%s), now())"
        " ON CONFLICT (account, dataset, stream) DO UPDATE SET"
        " unreachable = (c.unreachable + excluded.unreachable) - c.covered, updated_at = now()",
        [account, dataset, stream, _range(lost)],
    )


def record_failure(
    connection: Connection[TupleRow], account: str, dataset: str, reason: str
) -> None:
    """Tell every stream of the dataset that still has a gap why it has. Moves no coverage."""
    connection.execute(
        "INSERT INTO alphapulse.coverage AS c"
        " (account, dataset, stream, last_failure, last_failure_at, updated_at)"
        " SELECT DISTINCT account, dataset, stream, %s, now(), now()"
        " FROM alphapulse.coverage_gaps WHERE account = %s AND dataset = %s"
        " ON CONFLICT (account, dataset, stream) DO UPDATE SET"
        " last_failure = excluded.last_failure, last_failure_at = excluded.last_failure_at,"
        " updated_at = now()",
        [reason, account, dataset],
    )


def _range(times: TimeRange) -> TimestamptzRange:
    return TimestamptzRange(times.start, times.end, "[)")
