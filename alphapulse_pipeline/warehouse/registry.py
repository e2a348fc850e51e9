"""What is deployed and what is known of it: datasets, and the markets' names."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from psycopg import Connection, Cursor, sql
from psycopg.rows import TupleRow

from alphapulse_pipeline.warehouse.bookkeeping import markets
from alphapulse_pipeline.warehouse.columns import SCHEMA
from alphapulse_pipeline.warehouse.merge import merge
from alphapulse_pipeline.warehouse.tables import Dataset

_MARKETS = Dataset(markets, "seen_at")
_MANY = 1000
"""So many rows are worth a look at their table."""


def register(
    connection: Connection[TupleRow],
    account: str,
    exchange: str,
    datasets: Iterable[tuple[str, bool, datetime | None]],
) -> None:
    """Say which datasets an account has: (name, supported, next tick)."""
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
    """Say which accounts there are: the rows of the others stay, and are refreshed no more."""
    connection.execute(
        "UPDATE alphapulse.datasets SET deployed = false"
        " WHERE deployed AND exchange <> '' AND account <> ALL(%s)",
        [list(deployed)],
    )


def count_stored(cursor: Cursor[TupleRow], account: str, dataset: str, inserted: int) -> None:
    """Count rows as they are written; part of the transaction that writes them.

    An account that was never deployed (a DataFrame from somewhere else) is counted as well.
    """
    cursor.execute(
        "INSERT INTO alphapulse.datasets AS d (account, dataset, exchange, supported, stored)"
        " VALUES (%s, %s, '', true, %s)"
        " ON CONFLICT (account, dataset) DO UPDATE SET stored = d.stored + excluded.stored"
        " WHERE excluded.stored > 0",
        [account, dataset, inserted],
    )


def analyse_grown(
    connection: Connection[TupleRow], account: str, dataset: Dataset, inserted: int
) -> None:
    """Let PostgreSQL look at a table that has grown by much.

    It does so itself a minute later, while a server runs. Until then it knows nothing of the
    table, and reads it whole where an index would do.
    """
    if inserted < _MANY:
        return
    row = connection.execute(
        "SELECT stored FROM alphapulse.datasets WHERE account = %s AND dataset = %s",
        [account, dataset.name],
    ).fetchone()
    if row and inserted * 10 > row[0]:
        connection.execute(sql.SQL("ANALYZE {}").format(sql.Identifier(SCHEMA, dataset.name)))


def catalogue(
    connection: Connection[TupleRow], account: str, version: str
) -> tuple[str, datetime] | None:
    """The account's market catalogue and when it was loaded; None where this ccxt has none."""
    row = connection.execute(
        "SELECT catalogue, loaded_at FROM alphapulse.market_catalogues"
        " WHERE account = %s AND version = %s",
        [account, version],
    ).fetchone()
    return (row[0], row[1]) if row else None


def store_catalogue(
    connection: Connection[TupleRow], account: str, version: str, text: str
) -> None:
    """Keep the catalogue for the runs to come."""
    connection.execute(
        "INSERT INTO alphapulse.market_catalogues (account, version, loaded_at, catalogue)"
        " VALUES (%s, %s, now(), %s) ON CONFLICT (account) DO UPDATE SET"
        " version = excluded.version, loaded_at = excluded.loaded_at,"
        " catalogue = excluded.catalogue",
        [account, version, text],
    )


def market_names(connection: Connection[TupleRow], account: str) -> list[tuple[str, str, str]]:
    """Every market ever resolved: (raw id, type, name)."""
    rows = connection.execute(
        "SELECT raw_id, type, market FROM alphapulse.markets WHERE account = %s", [account]
    ).fetchall()
    return [(raw_id, kind, market) for raw_id, kind, market in rows]


def store_markets(
    connection: Connection[TupleRow], account: str, rows: Sequence[Mapping[str, Any]]
) -> None:
    """Keep markets by name; those that are listed no longer become inactive by `retire`."""
    with connection.transaction(), connection.cursor() as cursor:
        merge(cursor, _MARKETS, rows, {"account": account})


def retire_markets(connection: Connection[TupleRow], account: str, before: datetime) -> None:
    """Mark as inactive the markets that the last listing did not name."""
    connection.execute(
        "UPDATE alphapulse.markets SET active = false"
        " WHERE account = %s AND active AND seen_at < %s",
        [account, before],
    )
