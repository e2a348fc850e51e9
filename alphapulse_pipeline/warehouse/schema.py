"""The database's schema: creating it, upgrading it, and refusing to run on a different version.

The read-only role for analysts is created here as well: a role belongs to the server rather than to
one database, so no migration can own it.
"""

import hashlib
import hmac
import os
from enum import Enum
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

from psycopg import Connection, errors, sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import TupleRow

from alphapulse_pipeline.datasets import SCHEMA
from alphapulse_pipeline.settings.errors import SettingsError
from alphapulse_pipeline.warehouse import repeatable
from alphapulse_pipeline.warehouse.connection import (
    TooManyConnections,
    connect,
    require_session,
    with_database,
)
from alphapulse_pipeline.warehouse.migrated import Migrated, contents, difference

READER = "alphapulse_reader"
_READ = (SCHEMA, "portfolio")
_READER_CONNECTIONS = 20
_READER_SETTINGS = {
    "default_transaction_read_only": "on",
    # a session may change these: they keep a forgotten query from blocking others
    "statement_timeout": "10min",
    "idle_in_transaction_session_timeout": "10min",
}
_PUBLIC_WRITES = (
    # the locks that keep an account to one run
    "pg_advisory_lock",
    "pg_advisory_lock_shared",
    "pg_try_advisory_lock",
    "pg_try_advisory_lock_shared",
    "pg_advisory_xact_lock",
    "pg_advisory_xact_lock_shared",
    "pg_try_advisory_xact_lock",
    "pg_try_advisory_xact_lock_shared",
    # large objects and WAL messages take disk space
    "lo_creat",
    "lo_create",
    "lo_from_bytea",
    "pg_logical_emit_message",
)
"""Functions that PostgreSQL grants to everyone, and that write or can block other sessions."""
OLDEST_SERVER = 140000
_MIGRATIONS = Path(__file__).parent / "migrations"
_FOUND = """
SELECT
    (SELECT version_num FROM alphapulse.alembic_version),
    (SELECT coalesce(json_object_agg(name, checksum), '{}') FROM alphapulse.repeatable)
"""
_USED_BY_VIEWS = (errors.DependentObjectsStillExist, errors.FeatureNotSupported)
"""What PostgreSQL raises where a migration changes a column that a view uses."""
_MIGRATION_LOCK = "hashtextextended('alphapulse migration', 0)"


class SchemaMismatch(SettingsError):
    """The database's schema is not that of this version."""


class Revision(Enum):
    """How a database's schema compares with this version's."""

    CURRENT = "current"
    MISSING = "missing"
    BEHIND = "behind"
    AHEAD = "ahead"


def ensure_database(url: str, database: str) -> str:
    """The URL of `database` on the server of `url`; creates it if it does not exist.

    Raises `SettingsError` if the user may not create databases.
    """
    target = with_database(url, database)
    with connect(url) as connection:
        known = connection.execute("SELECT FROM pg_database WHERE datname = %s", [database])
        if known.fetchone() is None:
            try:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(database)))
            except (errors.DuplicateDatabase, errors.UniqueViolation):
                pass  # a different process has just created it
            except errors.InsufficientPrivilege:
                owner = urlsplit(url).username or "<your user>"
                raise SettingsError(
                    f"the database {database} does not exist, and this user may not create it",
                    f"ask an administrator to run `CREATE DATABASE {database} OWNER {owner}`",
                ) from None
    return target


def revision(connection: Connection[TupleRow]) -> Revision:
    """How the database compares with what this version needs. `connection` is in autocommit."""
    try:
        row = connection.execute(_FOUND).fetchone()
    except errors.UndefinedTable:
        return Revision.MISSING
    found, checksums = row or (None, {})
    known = _revisions()
    if found is None:
        return Revision.MISSING
    if found not in known:
        return Revision.AHEAD
    if found != known[-1] or repeatable.differs(checksums):
        return Revision.BEHIND
    return Revision.CURRENT


def require_current(connection: Connection[TupleRow]) -> None:
    """Raise `SchemaMismatch` unless the database's schema is this version's."""
    match revision(connection):
        case Revision.MISSING:
            raise SchemaMismatch(
                "the database has no tables yet",
                "run `alphapulse up`, `alphapulse sync` or `alphapulse migrate`",
            )
        case Revision.BEHIND:
            raise SchemaMismatch(
                "the database's schema is of an older version",
                "run `alphapulse up`, `alphapulse sync` or `alphapulse migrate` to upgrade it",
            )
        case Revision.AHEAD:
            raise SchemaMismatch(
                "the database's schema is of a newer version of AlphaPulse",
                "update this project (git pull or pip install -U), or use a different database",
            )


def migrate(url: str) -> Migrated:
    """Create or upgrade the schema, and the read-only role; what changed.

    Several processes may call it at the same time. Raises `SchemaMismatch` if the server is too
    old, the schema is of a newer version, or an object of the user's is in the way, and
    `DatabaseUnavailable` behind a pooler in transaction mode.
    """
    with connect(url) as connection:
        if connection.info.server_version < OLDEST_SERVER:
            raise SchemaMismatch(
                f"PostgreSQL {connection.info.server_version // 10000} is too old",
                "use PostgreSQL 14 or newer, which has multiranges",
            )
        require_session(connection, url)
        connection.execute(f"SELECT pg_advisory_lock({_MIGRATION_LOCK})")
        state, before = revision(connection), contents(connection)
        if state is Revision.AHEAD:
            require_current(connection)
        if state is not Revision.CURRENT:
            connection.execute(
                sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(SCHEMA))
            )
            _upgrade(url)
        _grant_reader(connection, url)
        return difference(before, contents(connection), _migrations())


def _revisions() -> list[str]:
    """All revisions, oldest first: the numbers in the names of the files.

    Every run compares them, and importing Alembic would cost it a second.
    """
    return [name.partition("_")[0] for name in _migrations()]


def _migrations() -> list[str]:
    """The names of all migrations, oldest first."""
    return sorted(path.stem for path in _MIGRATIONS.glob("versions/[0-9]*.py"))


def _upgrade(url: str) -> None:
    """In one transaction: migrations, then the tables of new datasets, then views and comments."""
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import create_engine
    from sqlalchemy.exc import DBAPIError

    from alphapulse_pipeline.warehouse.tables import metadata

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    engine = create_engine("postgresql+psycopg://", creator=lambda: connect(url, autocommit=False))
    try:
        with engine.begin() as connection:
            driver = cast(Connection[TupleRow], connection.connection.driver_connection)
            config.attributes["connection"] = connection
            try:
                with connection.begin_nested():
                    command.upgrade(config, "head")
            except DBAPIError as error:
                if not isinstance(error.orig, _USED_BY_VIEWS):
                    raise
                repeatable.drop_all(driver)
                command.upgrade(config, "head")
            metadata().create_all(connection, checkfirst=True)
            repeatable.apply(driver)
    except errors.DependentObjectsStillExist as error:
        raise SchemaMismatch(
            "the upgrade has to drop and recreate views of AlphaPulse, but "
            + ", ".join((error.diag.message_detail or str(error)).splitlines()),
            "save your view's definition, drop it, run this again, then create it again",
        ) from None
    finally:
        engine.dispose()


def _grant_reader(connection: Connection[TupleRow], url: str) -> None:
    """Let `READER` read our schemas and nothing else.

    A read-only session of the owner would not be safe: a superuser's session can run programs with
    COPY, and any session can leave read-only mode or a role set with SET ROLE. Privileges that
    PostgreSQL grants to PUBLIC are revoked where they allow writing; the owner keeps them.
    """
    role = sql.Identifier(READER)
    try:
        _make_reader(connection, role, _reader_password(url))
    except errors.InsufficientPrivilege:
        if not _reader_exists(connection):
            return  # `connect_as_reader` says what to do, once it is needed
    connection.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    connection.execute(
        sql.SQL("REVOKE TEMPORARY ON DATABASE {} FROM PUBLIC").format(
            sql.Identifier(connection.info.dbname)
        )
    )
    for schema in map(sql.Identifier, _READ):
        for grant in (
            "GRANT USAGE ON SCHEMA {} TO {}",
            "GRANT SELECT ON ALL TABLES IN SCHEMA {} TO {}",
            "ALTER DEFAULT PRIVILEGES IN SCHEMA {} GRANT SELECT ON TABLES TO {}",
        ):
            connection.execute(sql.SQL(grant).format(schema, role))
    _take_from_public(connection)


def _take_from_public(connection: Connection[TupleRow]) -> None:
    """Reserve `_PUBLIC_WRITES` for the database's owner. Needs a superuser, else does nothing."""
    functions = connection.execute(
        "SELECT p.oid::regprocedure::text, pg_get_userbyid(d.datdba)"
        " FROM pg_proc p, pg_roles r, pg_database d WHERE r.rolname = current_user AND r.rolsuper"
        " AND d.datname = current_database() AND p.pronamespace = 'pg_catalog'::regnamespace"
        " AND p.proname = ANY(%s) AND has_function_privilege('public', p.oid, 'EXECUTE')",
        [list(_PUBLIC_WRITES)],
    ).fetchall()
    for function, owner in functions:
        name = sql.SQL(function)  # quoted by the server, with its argument types
        connection.execute(
            sql.SQL("GRANT EXECUTE ON FUNCTION {} TO {}").format(name, sql.Identifier(owner))
        )
        connection.execute(sql.SQL("REVOKE EXECUTE ON FUNCTION {} FROM PUBLIC").format(name))


def _make_reader(
    connection: Connection[TupleRow], role: sql.Identifier, password: str | None
) -> None:
    """Create the role. A migration of a different database may do so at the same time."""
    try:
        with connection.transaction():
            if not _reader_exists(connection):
                connection.execute(
                    sql.SQL("CREATE ROLE {} LOGIN CONNECTION LIMIT {}").format(
                        role, _READER_CONNECTIONS
                    )
                )
            _set_reader(connection, role)
            if password:
                connection.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(role, password))
    except (errors.DuplicateObject, errors.UniqueViolation):
        pass


def _set_reader(connection: Connection[TupleRow], role: sql.Identifier) -> None:
    """Set the role's settings. A role can change its own, so they are restored here."""
    found = connection.execute(
        "SELECT setdatabase <> 0, setting FROM pg_db_role_setting, unnest(setconfig) AS setting"
        " WHERE setrole = (SELECT oid FROM pg_roles WHERE rolname = %s) AND setdatabase IN"
        " (0, (SELECT oid FROM pg_database WHERE datname = current_database()))",
        [READER],
    ).fetchall()
    if sorted(found) == sorted((False, f"{n}={v}") for n, v in _READER_SETTINGS.items()):
        return
    database = sql.Identifier(connection.info.dbname)
    connection.execute(sql.SQL("ALTER ROLE {} IN DATABASE {} RESET ALL").format(role, database))
    connection.execute(sql.SQL("ALTER ROLE {} RESET ALL").format(role))
    for name, value in _READER_SETTINGS.items():
        connection.execute(
            sql.SQL("ALTER ROLE {} SET {} = {}").format(role, sql.Identifier(name), value)
        )


def _reader_exists(connection: Connection[TupleRow]) -> bool:
    found = connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [READER])
    return found.fetchone() is not None


def reader_url(url: str) -> str:
    """Connection parameters of the read-only role for the database of `url`."""
    # not a URL: a user in its query part would override the user given here
    return make_conninfo(url, user=READER, password=_reader_password(url))


def connect_as_reader(url: str) -> Connection[TupleRow]:
    """A connection of the read-only role to a database whose schema is this version's.

    Raises `SettingsError` if the role cannot connect, `SchemaMismatch` for a different schema.
    """
    with connect(url) as owner:  # first: if the server is down, the role is not the problem
        require_current(owner)
        exists = _reader_exists(owner)
    try:
        connection = connect(reader_url(url))
    except SettingsError as error:
        if not exists:
            owner_name = urlsplit(url).username or "<owner>"
            fix = (
                f"have an administrator run `ALTER ROLE {owner_name} CREATEROLE` or create the "
                "role, then run `alphapulse sync` once"
            )
        elif isinstance(error, TooManyConnections):
            fix = error.fix
        else:
            fix = (
                "run `alphapulse sync` once, which sets its password; if that does not help, have "
                f"an administrator run `ALTER ROLE {READER} LOGIN` and admit it in pg_hba.conf"
            )
        raise SettingsError(
            f"the read-only role {READER}, which queries run as, cannot connect: {error.problem}",
            fix,
        ) from None
    connection.execute("SELECT set_config('search_path', %s, false)", [SCHEMA])
    return connection


def _reader_password(url: str) -> str | None:
    """Derived from the owner's password, so that there is nothing to store or to lose.

    None if the owner has none (a socket that only its owner can open).
    """
    secret = conninfo_to_dict(url).get("password") or os.environ.get("PGPASSWORD")
    if not secret:
        return None
    return hmac.new(str(secret).encode(), READER.encode(), hashlib.sha256).hexdigest()
