"""Connections, and the lock that keeps an account to one client."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote, urlsplit

import psycopg
from psycopg import Connection
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import TransactionStatus
from psycopg.rows import TupleRow

from alphapulse_pipeline.settings.errors import SettingsError
from alphapulse_pipeline.settings.redaction import redact

logger = logging.getLogger(__name__)

# The advisory lock's key, computed by the server: the view sync_status computes the same.
_LOCK_KEY = "hashtextextended('alphapulse account ' || %(account)s::text, 0)"


class DatabaseUnavailable(SettingsError):
    """The database does not answer, or does not let us in."""


class DatabaseFailure(Exception):
    """The database failed in the middle of a run. One line, with the mend."""

    kind = "database"


def database_failure(error: psycopg.OperationalError) -> DatabaseFailure:
    """What PostgreSQL or the way to it said, as a line for the reader."""
    said = redact(str(error)).strip().splitlines()[0] if str(error) else type(error).__name__
    if isinstance(error, psycopg.errors.DiskFull):
        return DatabaseFailure(
            f"the database's disk is full: {said}; free some space: nothing is lost, and the next "
            "run goes on where this one ended"
        )
    return DatabaseFailure(
        f"the database went away or refuses to work: {said}; see its log: nothing is lost, and "
        "the next run goes on where this one ended"
    )


def connect(url: str, *, autocommit: bool = True) -> Connection[TupleRow]:
    """A connection with UTC as its zone. Raises `DatabaseUnavailable` with a mend."""
    try:
        given = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        # libpq's own words would show the password
        raise DatabaseUnavailable(
            "ALPHAPULSE_POSTGRES_URL is no valid URL: write special characters of the password "
            "as %XX, e.g. %40 for @"
        ) from None
    # what the URL says itself stays: hosted databases are told by `options` which one is meant
    options = f"{given.get('options', '')} -c TimeZone=UTC -c client_min_messages=warning"
    try:
        return psycopg.connect(
            url,
            autocommit=autocommit,
            connect_timeout=int(given.get("connect_timeout") or 10),
            application_name="alphapulse",
            options=options.strip(),
        )
    except psycopg.OperationalError as error:
        reason = redact(str(error)).strip().splitlines()[0].removeprefix("connection failed: ")
        raise DatabaseUnavailable(
            f"the database does not let us in: {reason}; check ALPHAPULSE_POSTGRES_URL and "
            "that the server runs"
        ) from None


def with_database(url: str, database: str) -> str:
    """The same server and user, another database."""
    there = urlsplit(url)
    query = f"?{there.query}" if there.query else ""
    return f"postgresql://{there.netloc}/{quote(database, safe='')}{query}"


@contextmanager
def account_lock(connection: Connection[TupleRow], account: str) -> Iterator[None]:
    """Hold the account's session lock; wait for it where another run holds it.

    PostgreSQL lets go of it when the connection ends, however the process ended.
    """
    if not _taken(connection, account):
        logger.info("%s: another run is syncing this account; waiting for it to end", account)
        connection.execute(f"SELECT pg_advisory_lock({_LOCK_KEY})", {"account": account})
    try:
        yield
    finally:
        _let_go(connection, account)


@contextmanager
def account_lock_if_free(connection: Connection[TupleRow], account: str) -> Iterator[bool]:
    """Hold the lock where nobody else does; whether it is held. Waits for nothing."""
    taken = _taken(connection, account)
    try:
        yield taken
    finally:
        if taken:
            _let_go(connection, account)


def _taken(connection: Connection[TupleRow], account: str) -> bool:
    row = connection.execute(
        f"SELECT pg_try_advisory_lock({_LOCK_KEY})", {"account": account}
    ).fetchone()
    return row == (True,)


def _let_go(connection: Connection[TupleRow], account: str) -> None:
    # interrupted inside a command: the connection is closed, and the lock goes with it
    if connection.info.transaction_status is TransactionStatus.IDLE:
        connection.execute(f"SELECT pg_advisory_unlock({_LOCK_KEY})", {"account": account})


def account_is_busy(connection: Connection[TupleRow], account: str) -> bool:
    """Whether a run holds the account's lock: true of a run that outlived its parents too."""
    row = connection.execute(
        "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        f" AND objsubid = 1 AND (classid::bigint << 32) | objid::bigint = {_LOCK_KEY})",
        {"account": account},
    ).fetchone()
    return row == (True,)
