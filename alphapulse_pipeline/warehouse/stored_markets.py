"""The markets of each account: every name ever assigned, and ccxt's catalogue for later runs."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.datasets import Column, Table, Type
from alphapulse_pipeline.datasets.table import ACCOUNT, MARKET, key, numeric, text
from alphapulse_pipeline.warehouse.merge import merge

MARKETS = Table(
    name="markets",
    comment="Every market ever resolved. A name never changes once assigned.",
    columns=(
        ACCOUNT,
        key("market", MARKET),
        text("raw_id", "The exchange's own id.", nullable=False),
        text(
            "type",
            "spot, swap, future or option; none: a guessed market that does not exist.",
            nullable=False,
        ),
        text("base", "The base currency."),
        text("quote", "The quote currency."),
        text("settle", "The settlement currency."),
        numeric("contract_size", "Size of one contract, in base (in quote for inverse)."),
        Column("active", Type.BOOLEAN, "Whether the exchange lists it now.", nullable=False),
        Column(
            "seen_at",
            Type.TIMESTAMP,
            "When it was last listed; 1970 if the market was only guessed.",
            nullable=False,
        ),
    ),
)


def catalogue(
    connection: Connection[TupleRow], account: str, version: str
) -> tuple[str, datetime] | None:
    """The catalogue that this ccxt version stored, and its load time. None if there is none."""
    row = connection.execute(
        "SELECT catalogue, loaded_at FROM alphapulse.market_catalogues"
        " WHERE account = %s AND version = %s",
        [account, version],
    ).fetchone()
    return (row[0], row[1]) if row else None


def store_catalogue(
    connection: Connection[TupleRow], account: str, version: str, catalogue: str
) -> None:
    """Store the catalogue for later runs."""
    connection.execute(
        "INSERT INTO alphapulse.market_catalogues (account, version, loaded_at, catalogue)"
        " VALUES (%s, %s, now(), %s) ON CONFLICT (account) DO UPDATE SET"
        " version = excluded.version, loaded_at = excluded.loaded_at,"
        " catalogue = excluded.catalogue",
        [account, version, catalogue],
    )


def market_names(connection: Connection[TupleRow], account: str) -> list[tuple[str, str, str]]:
    """Every market ever resolved: (raw id, type, name)."""
    rows = connection.execute(
        "SELECT raw_id, type, market FROM alphapulse.markets WHERE account = %s", [account]
    ).fetchall()
    return [(raw_id, kind, market) for raw_id, kind, market in rows]


def contract_sizes(connection: Connection[TupleRow], account: str) -> list[tuple[str, Decimal]]:
    """(raw id, contract size) of every contract whose size was ever known."""
    rows = connection.execute(
        "SELECT raw_id, contract_size FROM alphapulse.markets"
        " WHERE account = %s AND type <> 'spot' AND contract_size IS NOT NULL",
        [account],
    ).fetchall()
    return [(raw_id, size) for raw_id, size in rows]


def store_markets(
    connection: Connection[TupleRow], account: str, rows: Sequence[Mapping[str, Any]]
) -> None:
    """Insert or update markets by name."""
    with connection.transaction(), connection.cursor() as cursor:
        merge(cursor, MARKETS, rows, {"account": account})


def retire_markets(connection: Connection[TupleRow], account: str, before: datetime) -> None:
    """Mark the markets that were last listed before `before` as inactive."""
    connection.execute(
        "UPDATE alphapulse.markets SET active = false"
        " WHERE account = %s AND active AND seen_at < %s",
        [account, before],
    )
