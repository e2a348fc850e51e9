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
def refreshing(
    connection: Connection[TupleRow], name: str, *, for_prices: bool = False
) -> Iterator[datetime]:
    """One incremental refresh of a derived table, in one transaction and one at a time.

    Yields the recording time since which rows of the histories are new to the table: `NEVER` in
    its first refresh. `portfolio.refreshed.covered_until` is how far it read the histories without
    a gap: those that move balances, or those that prices are taken from.
    """
    with locked(connection, name):
        # coverage before rows: what is covered now is read below
        row = connection.execute(
            "SELECT portfolio.covered_until(%s), portfolio.known_up_to(),"
            " coalesce((SELECT up_to FROM portfolio.refreshed WHERE name = %s), %s)",
            [for_prices, name, NEVER],
        ).fetchone()
        if row is None:
            raise AssertionError("this query always returns a row")
        covered_until, up_to, since = row
        if since > NEVER:
            connection.execute(_FEW_ARE_NEW)
        yield since
        connection.execute(
            "INSERT INTO portfolio.refreshed (name, up_to, covered_until) VALUES (%s, %s, %s)"
            " ON CONFLICT (name) DO UPDATE SET up_to = excluded.up_to,"
            " covered_until = excluded.covered_until",
            [name, up_to, covered_until],
        )
        connection.execute(_DELETE_REWRITTEN)
