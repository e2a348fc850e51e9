"""The schema's revision: bringing it up to date, and saying clearly when it is not.

The read-only role for analysts is made here too, since a role belongs to the server, not to one
database, and so to no migration.
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

from alphapulse_pipeline.settings.errors import SettingsError
from alphapulse_pipeline.warehouse import repeatable
from alphapulse_pipeline.warehouse.columns import SCHEMA
from alphapulse_pipeline.warehouse.connection import connect, with_database

READER = "alphapulse_reader"
_READ = (SCHEMA, "portfolio")
_READER_CONNECTIONS = 20
_READER_SETTINGS = {
    "default_transaction_read_only": "on",
    # courtesies, which a session may change: what a forgotten query must not hold up
    "statement_timeout": "10min",
    "idle_in_transaction_session_timeout": "10min",
}
_PUBLIC_WRITES = (
    # locks by which runs know of each other
    *("pg_advisory_lock", "pg_advisory_lock_shared", "pg_try_advisory_lock"),
    *("pg_try_advisory_lock_shared", "pg_advisory_xact_lock", "pg_advisory_xact_lock_shared"),
    *("pg_try_advisory_xact_lock", "pg_try_advisory_xact_lock_shared"),
    # large objects and the log of changes: room on the disk
    *("lo_creat", "lo_create", "lo_from_bytea", "pg_logical_emit_message"),
)
"""Functions by which whoever may connect can disturb others, or write."""
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
    """The database's tables are not those of this version of the project."""


class Revision(Enum):
    """Where a database stands."""

    CURRENT = "current"
    MISSING = "missing"
    BEHIND = "behind"
    AHEAD = "ahead"


def ensure_database(url: str, database: str) -> str:
    """The URL of `database` on the server of `url`; made where it is missing.

    Raises `SettingsError` where making it is not allowed.
    """
    target = with_database(url, database)
    with connect(url) as connection:
        known = connection.execute("SELECT FROM pg_database WHERE datname = %s", [database])
        if known.fetchone() is None:
            try:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(database)))
            except (errors.DuplicateDatabase, errors.UniqueViolation):
                pass  # another process was faster
            except errors.InsufficientPrivilege:
                raise SettingsError(
                    f"the database {database} does not exist and this user may not make it: ask "
                    f"an administrator for `CREATE DATABASE {database} OWNER "
                    f"{urlsplit(url).username or 'you'}`"
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
    """Raise `SchemaMismatch` with one sentence unless the tables are this version's."""
    match revision(connection):
        case Revision.MISSING:
            raise SchemaMismatch(
                "the database has no tables yet: run `alphapulse up` or `alphapulse sync`"
            )
        case Revision.BEHIND:
            raise SchemaMismatch(
                "the database's tables are of an older version: run `alphapulse up` or "
                "`alphapulse sync` to bring them up to date"
            )
        case Revision.AHEAD:
            raise SchemaMismatch(
                "the database's tables were made by a newer version of AlphaPulse: update this "
                "project (git pull), or name another database"
            )


def migrate(url: str) -> None:
    """Bring the tables up to date; safe to call from several processes at once.

    Raises `SchemaMismatch` where the server or the tables are too old or too new.
    """
    with connect(url) as connection:
        if connection.info.server_version < OLDEST_SERVER:
            raise SchemaMismatch(
                f"PostgreSQL {connection.info.server_version // 10000} is too old: 14 or newer "
                "is needed, for multiranges"
            )
        connection.execute(f"SELECT pg_advisory_lock({_MIGRATION_LOCK})")
        state = revision(connection)
        if state is Revision.AHEAD:
            require_current(connection)
        if state is not Revision.CURRENT:
            connection.execute(
                sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(SCHEMA))
            )
            _upgrade(url)
        _grant_reader(connection, url)


def _revisions() -> list[str]:
    """All revisions, oldest first: the numbers that the files begin with.

    Read off the names, since importing Alembic takes a second that every run would pay.
    """
    return sorted(path.name.partition("_")[0] for path in _MIGRATIONS.glob("versions/[0-9]*.py"))


def _upgrade(url: str) -> None:
    """All in one transaction: the migrations, tables of new datasets, then views and comments.

    Raises `SchemaMismatch` where an object of the user's is in the way.
    """
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import create_engine
    from sqlalchemy.exc import DBAPIError

    from alphapulse_pipeline.warehouse import bookkeeping, tables  # noqa: F401  they define tables
    from alphapulse_pipeline.warehouse.columns import metadata

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
            metadata.create_all(connection, checkfirst=True)
            repeatable.apply(driver)
    except errors.DependentObjectsStillExist as error:
        raise SchemaMismatch(
            "views of AlphaPulse have to be dropped to be changed, and yours depend on them: "
            + ", ".join((error.diag.message_detail or str(error)).splitlines()),
            "drop yours, run this again, then create yours again",
        ) from None
    finally:
        engine.dispose()


def _grant_reader(connection: Connection[TupleRow], url: str) -> None:
    """Let `READER` read the data's schemas and nothing else.

    A read-only session of the owner would not do: a superuser's session can still run programs
    by COPY, and any session can leave read-only mode or a role that it was SET to. What PostgreSQL
    lets everybody do who may connect is taken from PUBLIC, and kept by the owner.
    """
    role = sql.Identifier(READER)
    try:
        _make_reader(connection, role, _reader_password(url))
    except errors.InsufficientPrivilege:
        if not _reader_exists(connection):
            return  # `connect_as_reader` tells what to do, when somebody wants to read
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
    """Leave `_PUBLIC_WRITES` to the database's owner. Only a superuser may."""
    functions = connection.execute(
        "SELECT p.oid::regprocedure::text, pg_get_userbyid(d.datdba)"
        " FROM pg_proc p, pg_roles r, pg_database d WHERE r.rolname = current_user AND r.rolsuper"
        " AND d.datname = current_database() AND p.pronamespace = 'pg_catalog'::regnamespace"
        " AND p.proname = ANY(%s) AND has_function_privilege('public', p.oid, 'EXECUTE')",
        [list(_PUBLIC_WRITES)],
    ).fetchall()
    for function, owner in functions:
        name = sql.SQL(function)  # as the server wrote it, with its types
        connection.execute(
            sql.SQL("GRANT EXECUTE ON FUNCTION {} TO {}").format(name, sql.Identifier(owner))
        )
        connection.execute(sql.SQL("REVOKE EXECUTE ON FUNCTION {} FROM PUBLIC").format(name))


def _make_reader(
    connection: Connection[TupleRow], role: sql.Identifier, password: str | None
) -> None:
    """A role belongs to the server: another database's migration may make it at the same time."""
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
    """The role's settings, put back where it has changed them: any role may change its own."""
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
    """How the read-only role connects to the database of `url`."""
    # not put together as a URL: in its query, user=owner would win over the user given here
    return make_conninfo(url, user=READER, password=_reader_password(url))


def connect_as_reader(url: str) -> Connection[TupleRow]:
    """A connection of the read-only role, to tables of this version.

    Raises `SettingsError` and `SchemaMismatch` with the mend.
    """
    with connect(url) as owner:  # who gets no answer either where the role is not to blame
        require_current(owner)
    try:
        connection = connect(reader_url(url))
    except SettingsError as error:
        raise SettingsError(
            f"{error}. Queries run as the read-only role {READER}, which the database's owner "
            f"makes: an administrator lets it by `ALTER ROLE {urlsplit(url).username or 'owner'} "
            "CREATEROLE`, then run `alphapulse sync` once"
        ) from None
    connection.execute("SELECT set_config('search_path', %s, false)", [SCHEMA])
    return connection


def _reader_password(url: str) -> str | None:
    """Derived from the owner's password, so that there is nothing to store or to lose.

    None where the owner has none (a socket that only its owner may enter).
    """
    secret = conninfo_to_dict(url).get("password") or os.environ.get("PGPASSWORD")
    if not secret:
        return None
    return hmac.new(str(secret).encode(), READER.encode(), hashlib.sha256).hexdigest()
