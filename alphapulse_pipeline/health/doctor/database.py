"""Checks of the database: the connection, privileges, tables, the read-only role, disk space."""

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
    failed,
    ok,
    warning,
)
from alphapulse_pipeline.settings.errors import SettingsError, UserError
from alphapulse_pipeline.warehouse.schema import (
    OLDEST_SERVER,
    READER,
    Revision,
    connect_as_reader,
    require_current,
    revision,
)

_GIGABYTE = 1024**3
_LOW_SPACE, _CRITICAL_SPACE = 5 * _GIGABYTE, _GIGABYTE // 2


@dataclass
class Server:
    """The database server. `data`: the embedded server's directory, None for an external one."""

    url: str
    connection: Connection[TupleRow] | None
    failure: UserError | None
    """Why there is no connection."""
    data: Path | None

    @property
    def connected(self) -> Connection[TupleRow]:
        """The connection. Raises `UserError` if there is none."""
        if self.connection is None:
            raise self.failure or SettingsError("the database is not connected", "see its log")
        return self.connection


def _database(server: Server) -> Finding:
    version = server.connected.info.server_version
    name = f"PostgreSQL {version // 10000}.{version % 10000}"
    if version < OLDEST_SERVER:
        return failed(
            f"{name} is too old", f"upgrade it to {OLDEST_SERVER // 10000} or newer (multiranges)"
        )
    where = "embedded" if server.data else f"on {server.connected.info.host}"
    return ok(f"{name}, {where}, database {server.connected.info.dbname}")


def _privileges(server: Server) -> Finding:
    row = server.connected.execute(
        "SELECT current_user, current_database(), to_regnamespace(%(schema)s) IS NOT NULL,"
        " CASE WHEN to_regnamespace(%(schema)s) IS NULL"
        " THEN has_database_privilege(current_database(), 'CREATE')"
        " ELSE has_schema_privilege(%(schema)s, 'CREATE') END,"
        " has_schema_privilege('public', 'CREATE')",
        {"schema": SCHEMA},
    ).fetchone()
    user, database, exists, in_ours, in_public = row or ("", "", False, False, False)
    lacking, grants = [], []
    if not in_ours:
        lacking.append(f"schema {SCHEMA}")
        what = f"USAGE, CREATE ON SCHEMA {SCHEMA}" if exists else f'CREATE ON DATABASE "{database}"'
        grants.append(f'GRANT {what} TO "{user}"')
    if not in_public:
        lacking.append("schema public, where Dagster keeps its tables")
        grants.append(f'GRANT CREATE ON SCHEMA public TO "{user}"')
    if lacking:
        return failed(
            f"{user} may not create tables in {' and '.join(lacking)}",
            f"have an administrator run: {'; '.join(grants)}",
        )
    return ok(f"{user} may create and alter tables")


def _tables(server: Server) -> Finding:
    if revision(server.connected) is Revision.MISSING:
        return Finding(
            Status.WARNING,
            "there are no tables yet",
            "run `alphapulse up`, `alphapulse sync` or `alphapulse migrate`, which creates them",
            stops="because there are no tables yet",
        )
    require_current(server.connected)
    return ok("up to date with this version")


def _reader(server: Server) -> Finding:
    try:
        connect_as_reader(server.url).close()
    except UserError as error:
        return warning(f"`alphapulse sql` does not work: {error.problem}", error.fix)
    return ok(f"{READER} can connect")


def _space(server: Server) -> Finding:
    row = server.connected.execute("SELECT pg_database_size(current_database())").fetchone()
    size = f"the database uses {_size(row[0] if row else 0)}"
    if server.data is None:
        return ok(size)
    free = shutil.disk_usage(server.data).free
    message = f"{size}; {_size(free)} are free at {server.data}"
    fix = "free space on that disk, or move ALPHAPULSE_HOME to a larger one"
    if free < _CRITICAL_SPACE:
        return failed(message, fix)
    return warning(message, fix) if free < _LOW_SPACE else ok(message)


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
