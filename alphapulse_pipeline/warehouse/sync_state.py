"""What earlier syncs have found out: what to ask next, and from where on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection, sql
from psycopg.rows import TupleRow

from alphapulse_pipeline.warehouse.batches import TimeRange
from alphapulse_pipeline.warehouse.columns import SCHEMA
from alphapulse_pipeline.warehouse.tables import DATASETS

_ORDER = [
    name for name in DATASETS["orders"].columns if name not in ("account", "run_id", "origin")
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


def asked_until(
    connection: Connection[TupleRow], account: str, dataset: str
) -> dict[str, datetime]:
    """Stream -> up to when it was wanted when it was asked last, of those that have no gap."""
    rows = connection.execute(
        "SELECT stream, upper(wanted) FROM alphapulse.streams"
        " JOIN alphapulse.coverage USING (account, dataset, stream)"
        " WHERE account = %s AND dataset = %s AND NOT isempty(wanted)"
        " AND wanted <@ (covered + unreachable)",
        [account, dataset],
    ).fetchall()
    return dict(rows)


def covered_before(
    connection: Connection[TupleRow], account: str, dataset: str, stream: str, before: datetime
) -> bool:
    """Whether anything older than a time was ever proved of a stream."""
    row = connection.execute(
        "SELECT lower(covered) < %s FROM alphapulse.coverage"
        " WHERE account = %s AND dataset = %s AND stream = %s AND NOT isempty(covered)",
        [before, account, dataset, stream],
    ).fetchone()
    return row == (True,)


def greatest_id(
    connection: Connection[TupleRow],
    account: str,
    dataset: str,
    column: str,
    market: str,
    wallet: str,
    before: datetime,
    served: datetime | None,
    forgotten: datetime,
) -> str | None:
    """An id of the newest row of a market before a time that the exchange must still show.

    That is none older than `served` (None: it shows all), and no order without a fill that is older
    than `forgotten`. None where there is no such row.
    """
    unfilled = " AND (filled > 0 OR {time} >= %(forgotten)s)" if dataset == "orders" else ""
    row = connection.execute(
        sql.SQL(
            "SELECT {id} FROM {table} WHERE account = %(account)s AND market = %(market)s"
            " AND wallet = %(wallet)s AND {time} < %(before)s AND origin = 'api'"
            f" AND (%(served)s::timestamptz IS NULL OR {{time}} >= %(served)s){unfilled}"
            " ORDER BY {time} DESC LIMIT 1"
        ).format(
            id=sql.Identifier(column),
            table=sql.Identifier(SCHEMA, dataset),
            time=sql.Identifier(DATASETS[dataset].time),
        ),
        {
            "account": account,
            "market": market,
            "wallet": wallet,
            "before": before,
            "served": served,
            "forgotten": forgotten,
        },
    ).fetchone()
    return str(row[0]) if row else None


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


def unsettled_transfers(connection: Connection[TupleRow], account: str) -> list[TimeRange]:
    """The moments of the last months' transfers that were pending when they were read last."""
    rows = connection.execute(
        "SELECT DISTINCT happened_at, happened_at + interval '1 millisecond'"
        " FROM alphapulse.transfers WHERE account = %s AND origin = 'api'"
        " AND status NOT IN ('ok', 'failed', 'canceled', 'rejected')"
        " AND happened_at > now() - interval '60 days' ORDER BY happened_at",
        [account],
    ).fetchall()
    return [TimeRange(start, end) for start, end in rows]
