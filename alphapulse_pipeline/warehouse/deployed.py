"""Registers the datasets of each account and counts their rows."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from psycopg import Connection, Cursor, sql
from psycopg.rows import TupleRow

from alphapulse_pipeline.datasets import SCHEMA
from alphapulse_pipeline.settings.errors import UserError
from alphapulse_pipeline.settings.printable import escape

_MIN_NEW_ROWS = 1000
"""With fewer new rows, PostgreSQL's statistics stay good enough."""


def register(
    connection: Connection[TupleRow],
    account: str,
    exchange: str,
    datasets: Iterable[tuple[str, bool, datetime | None]],
) -> None:
    """Record an account's datasets: (name, supported by the exchange, next tick)."""
    rows = [(account, dataset, exchange, ok, tick) for dataset, ok, tick in datasets]
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE alphapulse.datasets SET deployed = false WHERE account = %s AND"
            " dataset <> ALL(%s)",
            [account, [row[1] for row in rows]],
        )
        cursor.executemany(
            "INSERT INTO alphapulse.datasets (account, dataset, exchange, supported, next_tick)"
            " VALUES (%s, %s, %s, %s, %s) ON CONFLICT (account, dataset) DO UPDATE SET"
            " exchange = excluded.exchange, supported = excluded.supported,"
            " next_tick = excluded.next_tick, deployed = true",
            rows,
        )


def retire(connection: Connection[TupleRow], deployed: Sequence[str]) -> None:
    """Mark the datasets of all other accounts as not deployed. Their rows are kept."""
    connection.execute(
        "UPDATE alphapulse.datasets SET deployed = false"
        " WHERE deployed AND exchange <> '' AND account <> ALL(%s)",
        [list(deployed)],
    )


def note_broken(connection: Connection[TupleRow], broken: Mapping[str, UserError]) -> None:
    """Record why the files of these accounts cannot be loaded, and forget what is over.

    `sync_status` and the alerts show it.
    """
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM alphapulse.failed_checks"
            " WHERE dataset = '' AND check_name = 'settings' AND account <> ALL(%s)",
            [list(broken)],
        )
        cursor.executemany(
            "INSERT INTO alphapulse.failed_checks (account, dataset, check_name, finding)"
            " VALUES (%s, '', 'settings', %s) ON CONFLICT (account, dataset, check_name)"
            " DO UPDATE SET finding = excluded.finding",
            [(escape(account), escape(str(error))) for account, error in broken.items()],
        )


def count_stored(cursor: Cursor[TupleRow], account: str, dataset: str, inserted: int) -> None:
    """Add `inserted` to the dataset's row count, in the transaction that writes the rows.

    Also counts accounts that were never deployed, e.g. for a DataFrame from a user's own asset.
    """
    cursor.execute(
        "INSERT INTO alphapulse.datasets AS d (account, dataset, exchange, supported, stored)"
        " VALUES (%s, %s, '', true, %s)"
        " ON CONFLICT (account, dataset) DO UPDATE SET stored = d.stored + excluded.stored"
        " WHERE excluded.stored > 0",
        [account, dataset, inserted],
    )


def analyze_grown(
    connection: Connection[TupleRow], account: str, dataset: str, inserted: int
) -> None:
    """Refresh PostgreSQL's statistics of a table that has grown by more than a tenth.

    Autovacuum does so only a minute later. Until then the planner assumes an empty table and scans
    it instead of using an index.
    """
    if inserted < _MIN_NEW_ROWS:
        return
    row = connection.execute(
        "SELECT stored FROM alphapulse.datasets WHERE account = %s AND dataset = %s",
        [account, dataset],
    ).fetchone()
    if row and inserted * 10 > row[0]:
        connection.execute(sql.SQL("ANALYZE {}").format(sql.Identifier(SCHEMA, dataset)))
