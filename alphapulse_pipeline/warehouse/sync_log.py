"""The table `sync_log`: every attempt to sync a dataset, and its outcome."""

from psycopg import Connection, Cursor
from psycopg.rows import TupleRow


def start(connection: Connection[TupleRow], account: str, dataset: str, run_id: str) -> int:
    """Record the start of an attempt. Returns its id."""
    row = connection.execute(
        "INSERT INTO alphapulse.sync_log (account, dataset, run_id, started_at, status)"
        " VALUES (%s, %s, %s, now(), 'started') RETURNING id",
        [account, dataset, run_id],
    ).fetchone()
    if row is None:
        raise AssertionError("RETURNING always returns a row")
    return int(row[0])


def succeed(cursor: Cursor[TupleRow], log_id: int, rows: int, requests: int) -> None:
    """Record that an attempt completed."""
    cursor.execute(
        "UPDATE alphapulse.sync_log SET finished_at = now(), status = 'completed',"
        " rows_written = %s, requests = %s WHERE id = %s",
        [rows, requests, log_id],
    )


def fail(
    connection: Connection[TupleRow],
    log_id: int,
    rows: int,
    requests: int,
    kind: str,
    error: str,
) -> None:
    """Record that an attempt failed, with the kind of the failure and its message."""
    connection.execute(
        "UPDATE alphapulse.sync_log SET finished_at = now(), status = 'failed',"
        " rows_written = %s, requests = %s, error_kind = %s, error = %s WHERE id = %s",
        [rows, requests, kind, error, log_id],
    )
