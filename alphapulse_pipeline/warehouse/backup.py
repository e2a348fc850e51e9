"""Back up a database to one file, and restore it.

The file is `pg_dump`'s custom format, so PostgreSQL's own tools read it as well. A restore is whole
or not at all, and an existing database is never overwritten: it is renamed.
"""

from datetime import UTC, datetime
from pathlib import Path

from psycopg import sql

from alphapulse_pipeline.settings.errors import SettingsError, UserError
from alphapulse_pipeline.warehouse import client_programs, schema
from alphapulse_pipeline.warehouse.connection import connect, with_database
from alphapulse_pipeline.warehouse.schema import Revision

_SUFFIX = "_restoring"
_TABLES = """
SELECT FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema') LIMIT 1
"""
_CLIENTS = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = %s AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""


def back_up(url: str, file: Path) -> None:
    """Write the database to `file`, which is replaced when everything is written.

    It is consistent while syncs go on writing. Raises `UserError`.
    """
    with connect(url) as connection:
        if schema.revision(connection) is Revision.MISSING:
            schema.require_current(connection)
    part = file.with_name(f"{file.name}.part")
    try:
        part.touch(mode=0o600)
        dump = client_programs.program("pg_dump", url)
        client_programs.run(dump, ("--format=custom", f"--file={part}"), url)
        part.replace(file)
    except OSError as error:
        raise SettingsError(
            f"cannot write {file}: {error.strerror}", "name a file that you can write to"
        ) from None
    finally:
        part.unlink(missing_ok=True)


def restore(url: str, file: Path, *, embedded: bool) -> str:
    """Restore the database of `url` from `file`; the name under which an existing one is kept.

    That is empty if there was none. Only on the embedded server may there be one. Raises
    `UserError`.
    """
    program = client_programs.program("pg_restore", url, same_version=True)
    _check(program, file)
    with connect(url) as connection:
        name = connection.info.dbname
        exists = connection.execute(_TABLES).fetchone() is not None
    if not exists:
        _fill(program, url, file)
        return ""
    if not embedded:
        raise SettingsError(
            f"the database {name} is not empty, and a restore overwrites nothing",
            "create an empty database, name it in ALPHAPULSE_POSTGRES_URL, and run this again",
        )
    return _replace(program, url, file, name)


def _check(program: Path, file: Path) -> None:
    if not file.is_file():
        raise SettingsError(f"{file} does not exist", "name a file that `backup` wrote")
    try:
        client_programs.run(program, ("--list", "--schema=alphapulse", file))
    except UserError as error:
        raise SettingsError(
            f"{file} is not a backup: {error.problem}", "name a file that `backup` wrote"
        ) from None


def _fill(program: Path, url: str, file: Path) -> None:
    """In one transaction. Then the reader gets its rights, and an older schema is upgraded."""
    whole = ("--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges")
    client_programs.run(program, (*whole, file), url)
    schema.migrate(url)
    with connect(url) as connection:
        connection.execute("ANALYZE")


def _replace(program: Path, url: str, file: Path, name: str) -> str:
    """Restore beside the existing database, then exchange their names."""
    server, new = with_database(url, "postgres"), f"{name}{_SUFFIX}"
    with connect(server) as connection:
        if (found := connection.execute(_CLIENTS, [name]).fetchone()) and found[0]:
            raise SettingsError(
                f"the database {name} is in use by {found[0]} connections",
                "stop `alphapulse up` and close other clients, then run this again",
            )
        drop = sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(new))
        connection.execute(drop)  # of a restore that was interrupted
        try:
            _fill(program, schema.ensure_database(url, new), file)
        except BaseException:
            connection.execute(drop)
            raise
        kept = f"{name}_before_{datetime.now(UTC):%Y%m%d_%H%M%S}"
        rename = sql.SQL("ALTER DATABASE {} RENAME TO {}")
        with connection.transaction():
            connection.execute(rename.format(sql.Identifier(name), sql.Identifier(kept)))
            connection.execute(rename.format(sql.Identifier(new), sql.Identifier(name)))
    return kept
