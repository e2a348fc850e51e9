"""How far a derived table knows the histories: what it costs to refresh it follows the new rows."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from psycopg import Connection
from psycopg.rows import TupleRow

_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('alphapulse portfolio ' || %s, 0))"
# To the planner a third of all rows may be newer than a time that it does not know; few are. And
# it takes longer to compile what it thinks is much work than to do it.
_FEW_ARE_NEW = "SET LOCAL enable_seqscan = off; SET LOCAL jit = off"
NEVER = datetime(1, 1, 1, tzinfo=UTC)
"""Before everything: since then all is made anew."""
_KNOWN_BY_ALL = """
DELETE FROM portfolio.rewritten
WHERE recorded_at < (SELECT min(up_to) FROM portfolio.refreshed)
"""


@contextmanager
def refreshing(connection: Connection[TupleRow], name: str) -> Iterator[datetime]:
    """One refresh of a derived table, in one transaction and one at a time.

    Gives the time since which rows of histories are new to it; of a first one `NEVER`.
    """
    with connection.transaction():
        connection.execute(_LOCK, [name])
        row = connection.execute(
            "SELECT portfolio.known_up_to(), coalesce((SELECT up_to FROM portfolio.refreshed"
            " WHERE name = %s), %s)",
            [name, NEVER],
        ).fetchone()
        if row is None:
            raise AssertionError("a row is always answered")
        up_to, since = row
        if since > NEVER:
            connection.execute(_FEW_ARE_NEW)
        yield since
        connection.execute(
            "INSERT INTO portfolio.refreshed VALUES (%s, %s)"
            " ON CONFLICT (name) DO UPDATE SET up_to = excluded.up_to",
            [name, up_to],
        )
        connection.execute(_KNOWN_BY_ALL)
