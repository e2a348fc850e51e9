"""What a migration changed: the schema before it compared with the schema after it."""

from collections.abc import Mapping
from dataclasses import dataclass

from psycopg import Connection
from psycopg.rows import TupleRow

_TABLES = """
SELECT schemaname || '.' || tablename FROM pg_tables WHERE schemaname IN ('alphapulse', 'portfolio')
"""


@dataclass(frozen=True)
class Contents:
    """What a database had of our schema at some time."""

    revision: str | None
    tables: frozenset[str]
    views: Mapping[str, str]
    """View or function -> the checksum of its file."""


@dataclass(frozen=True)
class Migrated:
    """What `schema.migrate` did."""

    before: str | None
    """The newest migration that the database had; None if it had no tables."""
    after: str | None
    migrations: list[str]
    tables: list[str]
    """The tables that are new."""
    views: list[str]
    """The views and functions that are new or different."""


def contents(connection: Connection[TupleRow]) -> Contents:
    """What the database has of our schema now."""
    tables = frozenset(name for (name,) in connection.execute(_TABLES).fetchall())
    revision, views = None, dict[str, str]()
    if "alphapulse.alembic_version" in tables:
        row = connection.execute("SELECT version_num FROM alphapulse.alembic_version").fetchone()
        revision = row[0] if row else None
    if "alphapulse.repeatable" in tables:
        stored = connection.execute("SELECT name, checksum FROM alphapulse.repeatable")
        views = dict(stored.fetchall())
    return Contents(revision, tables, views)


def difference(before: Contents, after: Contents, migrations: list[str]) -> Migrated:
    """What changed between the two. `migrations`: the names of all, oldest first."""
    known = before.revision or ""
    return Migrated(
        before.revision,
        after.revision,
        [name for name in migrations if name.partition("_")[0] > known],
        sorted(after.tables - before.tables),
        sorted(name for name, text in after.views.items() if before.views.get(name) != text),
    )
