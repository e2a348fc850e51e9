"""What is deployed and what is known of it: datasets, and the markets' names."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.warehouse.merge import merge
from alphapulse_pipeline.warehouse.tables import Dataset, markets

_MARKETS = Dataset(markets, "seen_at")


def register(
    connection: Connection[TupleRow],
    account: str,
    exchange: str,
    datasets: Iterable[tuple[str, bool, datetime | None]],
) -> None:
    """Say which datasets an account has: (name, supported, next tick)."""
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO alphapulse.datasets (account, dataset, exchange, supported, next_tick)"
            " VALUES (%s, %s, %s, %s, %s) ON CONFLICT (account, dataset) DO UPDATE SET"
            " exchange = excluded.exchange, supported = excluded.supported,"
            " next_tick = excluded.next_tick",
            [(account, dataset, exchange, ok, tick) for dataset, ok, tick in datasets],
        )


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


@dataclass(frozen=True)
class OpenOrder:
    """An order that the table says is open, and the market that it is on."""

    market: str
    order_id: str
    raw: Mapping[str, Any]
    raw_market: str
    market_type: str
    base: str | None
    settle: str | None


def open_orders(connection: Connection[TupleRow], account: str) -> list[OpenOrder]:
    """The account's orders that are open as far as the table knows."""
    rows = connection.execute(
        "SELECT o.market, o.order_id, o.raw, m.raw_id, m.type, m.base, m.settle"
        " FROM alphapulse.orders AS o JOIN alphapulse.markets AS m USING (account, market)"
        " WHERE o.account = %s AND o.status = 'open'",
        [account],
    ).fetchall()
    return [OpenOrder(*row) for row in rows]


def held_assets(
    connection: Connection[TupleRow], account: str, sources: Sequence[str]
) -> tuple[set[str], set[str]] | None:
    """Assets and markets that the newest snapshots name; None before all `sources` have one."""
    taken = connection.execute(
        "SELECT count(DISTINCT dataset) FROM alphapulse.snapshots"
        " WHERE account = %s AND dataset = ANY(%s)",
        [account, list(sources)],
    ).fetchone()
    if not sources or taken != (len(sources),):
        return None
    assets = connection.execute(
        "SELECT DISTINCT asset FROM alphapulse.balances_latest WHERE account = %s", [account]
    ).fetchall()
    held = connection.execute(
        "SELECT DISTINCT market FROM alphapulse.positions_latest WHERE account = %s", [account]
    ).fetchall()
    return {row[0] for row in assets}, {row[0] for row in held}
