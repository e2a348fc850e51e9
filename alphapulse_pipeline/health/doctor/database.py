"""Where all of it goes: whether PostgreSQL lets us in, and what it lets us do."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.datasets import SCHEMA
from alphapulse_pipeline.health.doctor.result import (
    Check,
    Finding,
    Status,
    broken,
    ok,
    warning,
)
from alphapulse_pipeline.settings.errors import SettingsError
from alphapulse_pipeline.warehouse.schema import (
    OLDEST_SERVER,
    READER,
    Revision,
    connect_as_reader,
    require_current,
    revision,
)

_GIGABYTE = 1024**3
_LITTLE, _TOO_LITTLE = 5 * _GIGABYTE, _GIGABYTE // 2


@dataclass
class Server:
    """The database; `data` is the embedded server's directory, None where it is another one's."""

    url: str
    connection: Connection[TupleRow] | None
    failure: str
    """Why there is no connection."""
    data: Path | None

    @property
    def there(self) -> Connection[TupleRow]:
        if self.connection is None:
            raise SettingsError(self.failure)
        return self.connection


def _database(server: Server) -> Finding:
    if server.connection is None:
        return broken(
            server.failure,
            "start the server that ALPHAPULSE_POSTGRES_URL names, or correct it"
            if server.data is None
            else "see that log; `alphapulse up` starts the server again",
        )
    version = server.connection.info.server_version
    name = f"PostgreSQL {version // 10000}.{version % 10000}"
    if version < OLDEST_SERVER:
        return broken(
            f"{name} is too old", f"upgrade it to {OLDEST_SERVER // 10000} or newer (multiranges)"
        )
    where = "embedded" if server.data else f"on {server.connection.info.host}"
    return ok(f"{name}, {where}, database {server.connection.info.dbname}")


def _privileges(server: Server) -> Finding:
    row = server.there.execute(
        "SELECT current_user, current_database(), to_regnamespace(%(schema)s) IS NOT NULL,"
        " CASE WHEN to_regnamespace(%(schema)s) IS NULL"
        " THEN has_database_privilege(current_database(), 'CREATE')"
        " ELSE has_schema_privilege(%(schema)s, 'CREATE') END,"
        " has_schema_privilege('public', 'CREATE')",
        {"schema": SCHEMA},
    ).fetchone()
    user, database, exists, ours, dagsters = row or ("", "", False, False, False)
    lacking, grants = [], []
    if not ours:
        lacking.append(f"schema {SCHEMA}")
        what = f"USAGE, CREATE ON SCHEMA {SCHEMA}" if exists else f'CREATE ON DATABASE "{database}"'
        grants.append(f'GRANT {what} TO "{user}"')
    if not dagsters:
        lacking.append("schema public, where Dagster keeps its tables")
        grants.append(f'GRANT CREATE ON SCHEMA public TO "{user}"')
    if lacking:
        return broken(
            f"{user} may not make tables in {' and '.join(lacking)}",
            f"have an administrator run: {'; '.join(grants)}",
        )
    return ok(f"{user} may make and change tables")


def _tables(server: Server) -> Finding:
    if revision(server.there) is Revision.MISSING:
        return Finding(
            Status.WARNING,
            "there are none yet",
            "the first `alphapulse up` or `alphapulse sync` makes them",
            stops="because there are no tables yet",
        )
    require_current(server.there)
    return ok("those of this version")


def _reader(server: Server) -> Finding:
    try:
        connect_as_reader(server.url).close()
    except SettingsError as error:
        return warning(
            f"the read-only role does not get in, so that `alphapulse sql` does not work: {error}",
            f"have an administrator grant CREATEROLE or make {READER}, then run `alphapulse sync`",
        )
    return ok(f"{READER} gets in")


def _space(server: Server) -> Finding:
    row = server.there.execute("SELECT pg_database_size(current_database())").fetchone()
    size = f"the database has {_size(row[0] if row else 0)}"
    if server.data is None:
        return ok(size)
    free = shutil.disk_usage(server.data).free
    said = f"{size}; {_size(free)} are free at {server.data}"
    mend = "make room on that disk, or move ALPHAPULSE_HOME to a larger one"
    if free < _TOO_LITTLE:
        return broken(said, mend)
    return warning(said, mend) if free < _LITTLE else ok(said)


def _size(size: int) -> str:
    return f"{size / _GIGABYTE:.1f} GB" if size >= _GIGABYTE else f"{size / 1024**2:.0f} MB"


CHECKS: tuple[Check[Server], ...] = (
    Check("database", _database),
    Check("privileges", _privileges, ("database",)),
    Check("tables", _tables, ("database",)),
    Check("reader", _reader, ("tables",)),
    Check("space", _space, ("database",)),
)

__all__ = ["CHECKS", "Server"]
