"""Database connections, and the lock that limits an account to one run at a time."""

import logging
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote, urlsplit

import psycopg
from psycopg import Connection
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import TransactionStatus
from psycopg.rows import TupleRow

from alphapulse_pipeline.settings.errors import SettingsError, UserError
from alphapulse_pipeline.settings.redaction import redact

logger = logging.getLogger(__name__)

KEEPALIVES = {
    "keepalives": "1",
    "keepalives_idle": "60",
    "keepalives_interval": "10",
    "keepalives_count": "6",
    "tcp_user_timeout": "120000",
}
"""libpq's settings for TCP, unless the URL has its own: within two minutes it notices that the
server's machine is gone. By default that takes hours."""
SERVER_KEEPALIVES = (
    "-c tcp_keepalives_idle=60 -c tcp_keepalives_interval=10 -c tcp_keepalives_count=6"
    " -c tcp_user_timeout=120000"
)
"""The same for the server's side, which holds the locks: an account is free again two minutes after
the machine that synced it died. PostgreSQL ignores them for unix sockets."""

# The advisory lock's key, computed by the server. The view sync_status computes the same key.
_LOCK_KEY = "hashtextextended('alphapulse account ' || %(account)s::text, 0)"

_DIRECT = (
    "set ALPHAPULSE_POSTGRES_URL to PostgreSQL itself, or to a pooler in session mode that passes "
    "the connections' options on"
)

_NOTHING_LOST = "nothing is lost, and the next run continues where this one ended"


class DatabaseUnavailable(SettingsError):
    """The database cannot be reached, or refuses the connection."""


class TooManyConnections(DatabaseUnavailable):
    """The server, the database or the role has all the connections that it may have."""


_TOO_MANY = re.compile(
    r"too many (?:clients|connections)|connection slots are reserved|no more connections allowed"
)
"""PostgreSQL's messages with the SQLSTATE 53300, which libpq does not pass on, and PgBouncer's."""


class DatabaseFailure(UserError):
    """The database failed in the middle of a run."""

    kind = "database"


def database_failure(error: psycopg.OperationalError) -> DatabaseFailure:
    """PostgreSQL's error, or that of the connection to it, as one line."""
    reason = redact(str(error)).strip().splitlines()[0] if str(error) else type(error).__name__
    if isinstance(error, psycopg.errors.DiskFull):
        return DatabaseFailure(
            f"the database's disk is full: {reason}", f"free some space: {_NOTHING_LOST}"
        )
    return DatabaseFailure(
        f"the database disconnected or refused the statement: {reason}",
        f"see the server's log: {_NOTHING_LOST}",
    )


def connect(url: str, *, autocommit: bool = True) -> Connection[TupleRow]:
    """A connection whose time zone is UTC. Raises `DatabaseUnavailable`."""
    try:
        given = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        # libpq's own message contains the password
        raise DatabaseUnavailable(
            "ALPHAPULSE_POSTGRES_URL is not a valid URL",
            "write special characters in the password as %XX, e.g. %40 for @",
        ) from None
    # the URL's own options are kept: some hosting providers route connections by them
    own = "-c TimeZone=UTC -c client_min_messages=warning"
    options = f"{SERVER_KEEPALIVES} {given.get('options', '')} {own}"
    keepalives: dict[str, Any] = {
        name: value for name, value in KEEPALIVES.items() if name not in given
    }
    try:
        return psycopg.connect(
            url,
            autocommit=autocommit,
            connect_timeout=int(given.get("connect_timeout") or 10),
            application_name="alphapulse",
            options=options,
            **keepalives,
        )
    except psycopg.OperationalError as error:
        reason = redact(str(error)).strip().splitlines()[0].removeprefix("connection failed: ")
        if _TOO_MANY.search(reason):
            raise TooManyConnections(
                f"cannot connect to the database: {reason}",
                "close connections that are not needed (`SELECT pid, usename, application_name, "
                "state FROM pg_stat_activity` lists them), or raise the limit: max_connections of "
                "the server, CONNECTION LIMIT of the database or the role",
            ) from None
        refused_options = "unsupported startup parameter" in reason  # PgBouncer's message
        raise DatabaseUnavailable(
            f"cannot connect to the database: {reason}",
            _DIRECT
            if refused_options
            else "check ALPHAPULSE_POSTGRES_URL, and that the server is running",
        ) from None


def require_session(connection: Connection[TupleRow], url: str) -> None:
    """Raise `DatabaseUnavailable` if the connection has no session of its own on the server.

    A pooler in transaction mode gives every statement any session that is free. Two runs could
    then hold the lock of one account, and neither would notice. One that drops our options leaves
    the time zone and Dagster's search path to chance.
    """
    if connection.execute("SHOW client_min_messages").fetchone() != ("warning",):
        raise DatabaseUnavailable(
            "a connection pooler in front of the database drops the options of our connections, "
            "such as their time zone",
            _DIRECT,
        )
    key = secrets.randbits(62)
    with connect(url) as second:
        for _ in range(3):
            taken = [
                one.execute("SELECT pg_try_advisory_lock(%s)", [key]).fetchone()
                for one in (connection, second)
            ]
            for one in (connection, second):
                one.execute("SELECT pg_advisory_unlock_all()")
            if taken != [(True,), (False,)]:
                raise DatabaseUnavailable(
                    "a connection pooler in transaction mode is in front of the database: the "
                    "locks that keep an account to one run would not hold",
                    _DIRECT,
                )


def with_database(url: str, database: str) -> str:
    """The URL of a different database on the same server, with the same user."""
    there = urlsplit(url)
    query = f"?{there.query}" if there.query else ""
    return f"postgresql://{there.netloc}/{quote(database, safe='')}{query}"


@contextmanager
def account_lock(connection: Connection[TupleRow], account: str) -> Iterator[None]:
    """Hold the account's session lock; wait while a different run holds it.

    PostgreSQL releases it when the connection ends, however the process ended.
    """
    if not _try_lock(connection, account):
        logger.info("%s: a different run is syncing this account; waiting for it to end", account)
        connection.execute(f"SELECT pg_advisory_lock({_LOCK_KEY})", {"account": account})
    try:
        yield
    finally:
        _release(connection, account)


@contextmanager
def account_lock_if_free(connection: Connection[TupleRow], account: str) -> Iterator[bool]:
    """Hold the lock if it is free, without waiting. Yields whether it is held."""
    taken = _try_lock(connection, account)
    try:
        yield taken
    finally:
        if taken:
            _release(connection, account)


def _try_lock(connection: Connection[TupleRow], account: str) -> bool:
    row = connection.execute(
        f"SELECT pg_try_advisory_lock({_LOCK_KEY})", {"account": account}
    ).fetchone()
    return row == (True,)


def _release(connection: Connection[TupleRow], account: str) -> None:
    # after an interrupt inside a command the connection is closed, which releases the lock
    if connection.info.transaction_status is TransactionStatus.IDLE:
        connection.execute(f"SELECT pg_advisory_unlock({_LOCK_KEY})", {"account": account})


def account_is_busy(connection: Connection[TupleRow], account: str) -> bool:
    """Whether a run holds the account's lock; also true of a run that outlived its parent."""
    row = connection.execute(
        "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        f" AND objsubid = 1 AND (classid::bigint << 32) | objid::bigint = {_LOCK_KEY})",
        {"account": account},
    ).fetchone()
    return row == (True,)
