"""What earlier syncs of an account have found: its markets, holdings and open orders."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import Connection, sql
from psycopg.rows import TupleRow

from alphapulse_pipeline.datasets import HISTORIES, SCHEMA

_ORDER = [
    name for name in HISTORIES["orders"].written if name not in ("account", "run_id", "origin")
]


@dataclass(frozen=True, slots=True)
class Market:
    """A market that was ever resolved. `category`: spot, linear, inverse or option."""

    market: str
    raw_id: str
    category: str
    base: str
    quote: str
    active: bool
    guessed: bool
    """Never listed as far as we know: it may never have been there."""


def markets(connection: Connection[TupleRow], account: str) -> list[Market]:
    """All markets of the account's exchange, those that are no longer listed included."""
    rows = connection.execute(
        "SELECT market, raw_id, CASE WHEN type IN ('spot', 'option') THEN type"
        " WHEN settle = base THEN 'inverse' ELSE 'linear' END,"
        " coalesce(base, ''), coalesce(quote, ''), active, seen_at = 'epoch'"
        " FROM alphapulse.markets WHERE account = %s AND type <> 'none' ORDER BY market",
        [account],
    ).fetchall()
    return [Market(*row) for row in rows]


def refused_market(connection: Connection[TupleRow], account: str, market: str) -> None:
    """A market that was only guessed, and that the exchange does not know: it is no stream."""
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
    """Markets with a fill or an order, found by stepping through the key from name to name."""
    found: set[str] = set()
    for table in ("trades", "orders"):
        rows = connection.execute(
            sql.SQL(
                "WITH RECURSIVE step AS ("
                " (SELECT market FROM {table} WHERE account = %(account)s ORDER BY market LIMIT 1)"
                " UNION ALL SELECT (SELECT t.market FROM {table} AS t WHERE account = %(account)s"
                " AND t.market > step.market ORDER BY t.market LIMIT 1)"
                " FROM step WHERE step.market IS NOT NULL)"
                " SELECT market FROM step WHERE market IS NOT NULL"
            ).format(table=sql.Identifier(SCHEMA, table)),
            {"account": account},
        ).fetchall()
        found |= {row[0] for row in rows}
    return found


def held(connection: Connection[TupleRow], account: str) -> tuple[set[str], set[str]]:
    """Assets and markets that the newest snapshots name."""
    assets = connection.execute(
        "SELECT DISTINCT asset FROM alphapulse.balances_latest WHERE account = %s", [account]
    ).fetchall()
    markets = connection.execute(
        "SELECT DISTINCT market FROM alphapulse.positions_latest WHERE account = %s", [account]
    ).fetchall()
    return {row[0] for row in assets}, {row[0] for row in markets}


def held_if_read(
    connection: Connection[TupleRow], account: str, sources: Sequence[str]
) -> tuple[set[str], set[str]] | None:
    """What `held` tells; None before all `sources` have a snapshot."""
    taken = connection.execute(
        "SELECT count(DISTINCT dataset) FROM alphapulse.snapshots"
        " WHERE account = %s AND dataset = ANY(%s)",
        [account, list(sources)],
    ).fetchone()
    if not sources or taken != (len(sources),):
        return None
    return held(connection, account)


@dataclass(frozen=True, slots=True)
class OpenOrder:
    """An order that the table says is open: its row as it is stored, and its market."""

    row: Mapping[str, Any]
    market: Market


def open_orders(connection: Connection[TupleRow], account: str) -> list[OpenOrder]:
    """The account's orders that are open as far as the table knows, on markets that it knows."""
    found = connection.execute(
        sql.SQL(
            "SELECT {columns} FROM alphapulse.orders WHERE account = %s AND status = 'open'"
        ).format(columns=sql.SQL(", ").join(map(sql.Identifier, _ORDER))),
        [account],
    ).fetchall()
    by_name = {market.market: market for market in markets(connection, account)} if found else {}
    rows = [dict(zip(_ORDER, row, strict=True)) for row in found]
    return [OpenOrder(row, by_name[row["market"]]) for row in rows if row["market"] in by_name]
