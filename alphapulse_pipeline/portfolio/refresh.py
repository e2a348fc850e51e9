"""Incremental refreshes: how far each derived table has read the histories."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from psycopg import Connection
from psycopg.rows import TupleRow

_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('alphapulse portfolio ' || %s, 0))"
# The planner assumes that a third of all rows are newer than a time it does not know, but only a
# few are. And compiling such a plan takes longer than running it.
_FEW_ARE_NEW = "SET LOCAL enable_seqscan = off; SET LOCAL jit = off"
NEVER = datetime(1, 1, 1, tzinfo=UTC)
"""Before all data: a refresh since then recalculates everything."""
_DELETE_REWRITTEN = """
DELETE FROM portfolio.rewritten
WHERE recorded_at < (SELECT min(up_to) FROM portfolio.refreshed)
"""


@contextmanager
def locked(connection: Connection[TupleRow], name: str) -> Iterator[None]:
    """A transaction that is the only one to refresh this table."""
    with connection.transaction():
        connection.execute(_LOCK, [name])
        yield


@contextmanager
def refreshing(connection: Connection[TupleRow], name: str) -> Iterator[datetime]:
    """One incremental refresh of a derived table, in one transaction and one at a time.

    Yields the recording time since which rows of the histories are new to the table: `NEVER` in
    its first refresh.
    """
    with locked(connection, name):
        row = connection.execute(
            "SELECT portfolio.known_up_to(), coalesce((SELECT up_to FROM portfolio.refreshed"
            " WHERE name = %s), %s)",
            [name, NEVER],
        ).fetchone()
        if row is None:
            raise AssertionError("this query always returns a row")
        up_to, since = row
        if since > NEVER:
            connection.execute(_FEW_ARE_NEW)
        yield since
        connection.execute(
            "INSERT INTO portfolio.refreshed VALUES (%s, %s)"
            " ON CONFLICT (name) DO UPDATE SET up_to = excluded.up_to",
            [name, up_to],
        )
        connection.execute(_DELETE_REWRITTEN)
