"""The ledger of proof: which times of which stream are complete, in PostgreSQL's own ranges."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

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


def covered_time(connection: Connection[TupleRow], account: str, dataset: str) -> timedelta:
    """How much time is covered, all streams together."""
    row = connection.execute(
        "SELECT coalesce(sum(upper(times) - lower(times)), interval '0')"
        " FROM alphapulse.coverage CROSS JOIN LATERAL unnest(covered) AS times"
        " WHERE account = %s AND dataset = %s",
        [account, dataset],
    ).fetchone()
    return row[0] if row else timedelta()


def missing_time(
    connection: Connection[TupleRow], account: str, dataset: str
) -> tuple[timedelta, timedelta]:
    """How much time is missing (gaps, not what is unreachable) and how much is wanted."""
    row = connection.execute(
        "SELECT (SELECT coalesce(sum(upper(gap) - lower(gap)), interval '0')"
        "  FROM alphapulse.coverage_gaps WHERE account = %(account)s AND dataset = %(dataset)s),"
        " (SELECT coalesce(sum(upper(wanted) - lower(wanted)), interval '0')"
        "  FROM alphapulse.streams WHERE account = %(account)s AND dataset = %(dataset)s)",
        {"account": account, "dataset": dataset},
    ).fetchone()
    return (row[0], row[1]) if row else (timedelta(), timedelta())


def covered_share(connection: Connection[TupleRow], account: str, dataset: str) -> Decimal | None:
    """Which share of the wanted time is covered, never rounded up; None where none is wanted."""
    row = connection.execute(
        "SELECT trunc(coalesce(sum(extract(epoch FROM upper(times) - lower(times))), 0)"
        "  / (SELECT nullif(sum(extract(epoch FROM upper(wanted) - lower(wanted))), 0)"
        "   FROM alphapulse.streams WHERE account = %(account)s AND dataset = %(dataset)s), 4)"
        " FROM (SELECT unnest(tstzmultirange(wanted) * covered) AS times"
        "  FROM alphapulse.streams JOIN alphapulse.coverage USING (account, dataset, stream)"
        "  WHERE account = %(account)s AND dataset = %(dataset)s) AS proved",
        {"account": account, "dataset": dataset},
    ).fetchone()
    return row[0] if row else None


def streams(connection: Connection[TupleRow], account: str, dataset: str) -> list[str]:
    """The names of all streams that were ever asked for."""
    rows = connection.execute(
        "SELECT stream FROM alphapulse.streams WHERE account = %s AND dataset = %s ORDER BY stream",
        [account, dataset],
    ).fetchall()
    return [row[0] for row in rows]


def prove_by_import(
    cursor: Cursor[TupleRow],
    account: str,
    dataset: str,
    asserted: TimeRange,
    streams: Sequence[str],
) -> list[Gap]:
    """Cover what was missing in a range that an imported file is said to be complete for.

    Only what is wanted and was not covered: the newly covered ranges are returned, and remembered
    as `imported`. Part of the transaction that stores the rows.
    """
    rows = cursor.execute(
        "WITH news AS ("
        " SELECT stream, tstzmultirange(wanted * %(asserted)s) - coalesce(covered, '{}') AS times"
        " FROM alphapulse.streams LEFT JOIN alphapulse.coverage USING (account, dataset, stream)"
        " WHERE account = %(account)s AND dataset = %(dataset)s AND stream = ANY(%(streams)s)"
        "), stored AS ("
        " INSERT INTO alphapulse.coverage AS c"
        "  (account, dataset, stream, covered, imported, updated_at)"
        " SELECT %(account)s, %(dataset)s, stream, times, times, now() FROM news"
        "  WHERE NOT isempty(times)"
        " ON CONFLICT (account, dataset, stream) DO UPDATE SET"
        "  covered = c.covered + excluded.covered, imported = c.imported + excluded.imported,"
        "  unreachable = c.unreachable - excluded.covered, updated_at = now())"
        " SELECT stream, lower(gap), upper(gap) FROM news CROSS JOIN LATERAL unnest(times) AS gap"
        " ORDER BY lower(gap), stream",
        {
            "account": account,
            "dataset": dataset,
            "asserted": _range(asserted),
            "streams": list(streams),
        },
    ).fetchall()
    return [Gap(stream, TimeRange(start, end)) for stream, start, end in rows]


def is_complete(
    connection: Connection[TupleRow], account: str, dataset: str, within: TimeRange
) -> bool:
    """Whether `within` has no gap, as far as it is wanted."""
    row = connection.execute(
        "SELECT NOT EXISTS (SELECT FROM alphapulse.coverage_gaps"
        " WHERE account = %s AND dataset = %s AND gap && %s)",
        [account, dataset, _range(within)],
    ).fetchone()
    return row == (True,)


def prove(cursor: Cursor[TupleRow], account: str, dataset: str, proof: Proof) -> None:
    """Add a proved range; part of the transaction that stores its rows.

    Of an empty range the time of its newest row is kept.
    """
    if proof.covered.empty and proof.newest is None:
        return
    cursor.execute(
        "INSERT INTO alphapulse.coverage AS c"
        " (account, dataset, stream, covered, newest_row, updated_at)"
        " VALUES (%s, %s, %s, tstzmultirange(%s), %s, now())"
        " ON CONFLICT (account, dataset, stream) DO UPDATE SET"
        " covered = c.covered + excluded.covered, imported = c.imported - excluded.covered,"
        " unreachable = c.unreachable - excluded.covered, updated_at = now(),"
        " newest_row = greatest(c.newest_row, excluded.newest_row), suspect_since = NULL,"
        " last_failure = NULL, last_failure_at = NULL",
        [account, dataset, proof.stream, _range(proof.covered), proof.newest],
    )


def covered_until(connection: Connection[TupleRow], account: str, dataset: str) -> datetime | None:
    """The end of what is proved of any stream."""
    row = connection.execute(
        "SELECT max(upper(covered)) FROM alphapulse.coverage WHERE account = %s AND dataset = %s",
        [account, dataset],
    ).fetchone()
    return row[0] if row else None


def newest_row(
    connection: Connection[TupleRow], account: str, dataset: str, stream: str
) -> datetime | None:
    """The time of the newest row that was ever read of a stream."""
    row = connection.execute(
        "SELECT newest_row FROM alphapulse.coverage"
        " WHERE account = %s AND dataset = %s AND stream = %s",
        [account, dataset, stream],
    ).fetchone()
    return row[0] if row else None


def suspect(
    connection: Connection[TupleRow], account: str, dataset: str, stream: str, patience: timedelta
) -> None:
    """Note that a stream does not show its newest row any more.

    Once that is so for longer than `patience`, the row is nothing to test answers by.
    """
    connection.execute(
        "UPDATE alphapulse.coverage SET updated_at = now(),"
        " suspect_since = coalesce(suspect_since, now()),"
        " newest_row = CASE WHEN suspect_since < now() - %s THEN NULL ELSE newest_row END"
        " WHERE account = %s AND dataset = %s AND stream = %s",
        [patience, account, dataset, stream],
    )


def mark_unreachable(
    connection: Connection[TupleRow],
    account: str,
    dataset: str,
    stream: str,
    lost: TimeRange,
    reason: str,
) -> None:
    """Say that the exchange no longer serves `lost`, and why.

    What is covered of it stays covered. One reason a stream is kept: the one said last.
    """
    connection.execute(
        "INSERT INTO alphapulse.coverage AS c"
        " (account, dataset, stream, unreachable, unreachable_reason, updated_at)"
        " VALUES (%s, %s, %s, tstzmultirange(%s), %s, now())"
        " ON CONFLICT (account, dataset, stream) DO UPDATE SET"
        " unreachable = (c.unreachable + excluded.unreachable) - c.covered,"
        " unreachable_reason = excluded.unreachable_reason, updated_at = now()",
        [account, dataset, stream, _range(lost), reason],
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
