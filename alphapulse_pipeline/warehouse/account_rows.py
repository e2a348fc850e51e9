"""All rows of one account: counted, renamed, or deleted, in one transaction.

The derived tables are emptied with them, and the next refresh of the portfolio calculates them
again: with several accounts in one book, every lot may depend on the rows that went.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from psycopg import Connection, sql
from psycopg.rows import TupleRow

from alphapulse_pipeline.datasets import SCHEMA
from alphapulse_pipeline.settings.errors import SettingsError
from alphapulse_pipeline.warehouse.connection import account_lock
from alphapulse_pipeline.warehouse.queries import queries

_SQL = queries("account_rows")
_PORTFOLIO = "portfolio"


def stored(connection: Connection[TupleRow], account: str) -> dict[str, int]:
    """The account's rows per table, of the tables that have any."""
    found = {}
    for table in _tables(connection):
        cursor = connection.execute(_of(_SQL.count, table), {"account": account})
        row = cursor.fetchone()
        if row and row[0]:
            found[table] = int(row[0])
    return found


def rename(connection: Connection[TupleRow], account: str, new: str) -> None:
    """Give the account's rows a new name. The caller holds the locks of both: see `locked`.

    Raises `SettingsError` if the new name has rows already.
    """
    with connection.transaction():
        if there := stored(connection, new):
            raise SettingsError(
                f"the database already has rows of {new} ({', '.join(there)})",
                f"choose a different name, or delete them: `alphapulse account remove {new} "
                "--forget`",
            )
        for table in _tables(connection):
            statement = _of(_SQL.rename, table)
            connection.execute(statement, {"account": account, "new": new})
        connection.execute(_SQL.rename_parent, {"account": account, "new": new})
        _clear_derived(connection)


def forget(connection: Connection[TupleRow], account: str) -> None:
    """Delete all rows of the account, whose lock the caller holds."""
    with connection.transaction():
        for table in _tables(connection):
            connection.execute(_of(_SQL.forget, table), {"account": account})
        _clear_derived(connection)


@contextmanager
def locked(connection: Connection[TupleRow], *accounts: str) -> Iterator[None]:
    """Hold the locks of these accounts and of the portfolio; wait for their runs to end."""
    # in one order, so that two commands do not wait for each other
    with ExitStack() as stack:
        for account in sorted({*accounts, _PORTFOLIO}):
            stack.enter_context(account_lock(connection, account))
        yield


def _clear_derived(connection: Connection[TupleRow]) -> None:
    for (table,) in connection.execute(_SQL.derived).fetchall():
        clear = sql.SQL(_SQL.clear.decode())
        connection.execute(clear.format(derived=sql.Identifier(_PORTFOLIO, table)))


def _tables(connection: Connection[TupleRow]) -> list[str]:
    return [name for (name,) in connection.execute(_SQL.tables).fetchall()]


def _of(statement: bytes, table: str) -> sql.Composed:
    return sql.SQL(statement.decode()).format(table=sql.Identifier(SCHEMA, table))
