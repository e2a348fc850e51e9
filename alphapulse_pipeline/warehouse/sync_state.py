"""State that earlier syncs of an account stored: its markets, holdings and open orders."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection, sql
from psycopg.rows import TupleRow

from alphapulse_pipeline.datasets import HISTORIES, SCHEMA
from alphapulse_pipeline.warehouse.queries import queries

_SQL = queries("sync_state")
_ORDER = [
    name for name in HISTORIES["orders"].written if name not in ("account", "run_id", "origin")
]


@dataclass(frozen=True, slots=True)
class Market:
    """A market that was resolved at some time. `category`: spot, linear, inverse or option."""

    market: str
    raw_id: str
    category: str
    base: str
    quote: str
    active: bool
    guessed: bool
    """Whether it was only guessed, and may never have been listed."""


def markets(connection: Connection[TupleRow], account: str) -> list[Market]:
    """All markets of the account's exchange, including delisted ones."""
    rows = connection.execute(
        "SELECT market, raw_id, CASE WHEN type IN ('spot', 'option') THEN type"
        " WHEN settle = base THEN 'inverse' ELSE 'linear' END,"
        " coalesce(base, ''), coalesce(quote, ''), active, seen_at = 'epoch'"
        " FROM alphapulse.markets WHERE account = %s AND type <> 'none' ORDER BY market",
        [account],
    ).fetchall()
    return [Market(*row) for row in rows]


def drop_guessed_market(connection: Connection[TupleRow], account: str, market: str) -> None:
    """Record that a guessed market does not exist, and delete its streams and their coverage."""
    with connection.transaction():
        connection.execute(
            "UPDATE alphapulse.markets SET type = 'none' WHERE account = %s AND market = %s",
            [account, market],
        )
        for table in ("streams", "coverage"):
            connection.execute(
                sql.SQL(
                    "DELETE FROM {} WHERE account = %s AND split_part(stream, ' ', 2) = %s"
                ).format(sql.Identifier(SCHEMA, table)),
                [account, market],
            )


def traded_markets(connection: Connection[TupleRow], account: str) -> set[str]:
    """Names of the markets with a fill or an order."""
    traded: set[str] = set()
    for table in ("trades", "orders"):
        rows = connection.execute(
            sql.SQL(_SQL.traded_markets.decode()).format(table=sql.Identifier(SCHEMA, table)),
            {"account": account},
        ).fetchall()
        traded |= {row[0] for row in rows}
    return traded


def held(connection: Connection[TupleRow], account: str) -> tuple[set[str], set[str]]:
    """Assets in the newest balances, and markets in the newest positions."""
    assets = connection.execute(
        "SELECT DISTINCT asset FROM alphapulse.balances_latest WHERE account = %s", [account]
    ).fetchall()
    markets = connection.execute(
        "SELECT DISTINCT market FROM alphapulse.positions_latest WHERE account = %s", [account]
    ).fetchall()
    return {row[0] for row in assets}, {row[0] for row in markets}


def used(connection: Connection[TupleRow], account: str, wallet: str) -> bool:
    """Whether a wallet ever held something, or was paid into or out of."""
    row = connection.execute(_SQL.used, {"account": account, "wallet": wallet}).fetchone()
    return row == (True,)


def booked(connection: Connection[TupleRow], account: str, wallet: str, kind: str) -> bool:
    """Whether a wallet's ledger has an entry of a kind."""
    parameters = {"account": account, "wallet": wallet, "kind": kind}
    return connection.execute(_SQL.booked, parameters).fetchone() == (True,)


def held_if_read(
    connection: Connection[TupleRow], account: str, sources: Sequence[str]
) -> tuple[set[str], set[str]] | None:
    """The result of `held`; None until each of `sources` has a snapshot."""
    taken = connection.execute(
        "SELECT count(DISTINCT dataset) FROM alphapulse.snapshots"
        " WHERE account = %s AND dataset = ANY(%s)",
        [account, list(sources)],
    ).fetchone()
    if not sources or taken != (len(sources),):
        return None
    return held(connection, account)


def first_snapshots(connection: Connection[TupleRow], account: str) -> datetime | None:
    """When balances and positions both had a snapshot for the first time; None if neither has."""
    row = connection.execute(_SQL.first_snapshots, {"account": account}).fetchone()
    return row[0] if row else None


def ever_held(connection: Connection[TupleRow], account: str) -> set[str]:
    """The assets that are held, that ever moved, and of the spot markets that were traded."""
    traded = list(traded_markets(connection, account))
    rows = connection.execute(_SQL.ever_held, {"account": account, "traded": traded}).fetchall()
    return {row[0] for row in rows}


def reporting_currency(connection: Connection[TupleRow]) -> str:
    """The currency that values are stored in; empty if none is stored yet."""
    row = connection.execute(_SQL.reporting_currency).fetchone()
    return str(row[0]) if row else ""


@dataclass(frozen=True, slots=True)
class OpenOrder:
    """An order stored as open: its row and its market."""

    row: Mapping[str, Any]
    market: Market


def open_orders(connection: Connection[TupleRow], account: str) -> list[OpenOrder]:
    """The account's orders with status open, on markets that are stored."""
    stored = connection.execute(
        sql.SQL(
            "SELECT {columns} FROM alphapulse.orders WHERE account = %s AND status = 'open'"
        ).format(columns=sql.SQL(", ").join(map(sql.Identifier, _ORDER))),
        [account],
    ).fetchall()
    by_name = {market.market: market for market in markets(connection, account)} if stored else {}
    has_contracts = any(":" in name for name in by_name)
    found = []
    for row in (dict(zip(_ORDER, row, strict=True)) for row in stored):
        name = row["market"]
        # where an exchange lists no contracts, an order of one is on margin, and listed by its pair
        known = name if has_contracts else name.partition(":")[0]
        if market := by_name.get(known):
            found.append(OpenOrder(row, market))
    return found
