"""Rows that the database has of a list, so that the exchange can be asked for them."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from psycopg import Connection, sql
from psycopg.rows import TupleRow

from alphapulse_pipeline.datasets import HISTORIES, SCHEMA
from alphapulse_pipeline.exchange.feed import to_milliseconds
from alphapulse_pipeline.exchange.venues import Source, Venue
from alphapulse_pipeline.health.probe.listing import Known, Listing


def known_rows(
    connection: Connection[TupleRow], account: str, venue: Venue, listing: Listing, market: str
) -> Known:
    """The oldest and newest stored row that the list should still have.

    Nothing if the stored rows do not tell which of several lists they came from.
    """
    history, source = HISTORIES[listing.dataset], listing.source
    siblings = [_told_apart(listing.dataset, s) for s in venue.histories[listing.dataset].values()]
    if siblings.count(_told_apart(listing.dataset, source)) > 1:
        return Known()
    horizon = listing.feed.horizon
    served = listing.reading.client.now() - horizon if horizon else datetime.fromtimestamp(0, UTC)
    columns = _columns(listing.dataset, source)
    where: list[sql.Composable] = [_equal({"account": account, "origin": "api", **columns})]
    if "market" in history.by_name:
        names = [market] if market else _markets(listing)
        where.append(sql.SQL("market = ANY({})").format(names))
    time = sql.Identifier(history.time)
    row = connection.execute(
        sql.SQL(
            "SELECT min({time}), max({time}) FROM {table} WHERE {where} AND {time} > {served}"
        ).format(
            time=time,
            table=sql.Identifier(SCHEMA, history.name),
            where=sql.SQL(" AND ").join(where),
            served=served,
        )
    ).fetchone()
    if row is None or row[0] is None:
        return Known()
    return Known(_milliseconds(row[0]), _milliseconds(row[1]))


def traded_markets(
    connection: Connection[TupleRow], account: str, dataset: str, source: Source
) -> Sequence[str]:
    """The markets with most rows in the table."""
    return [
        row[0]
        for row in connection.execute(
            sql.SQL(
                "SELECT market FROM {} WHERE {}"
                " GROUP BY market ORDER BY count(*) DESC, market LIMIT 3"
            ).format(
                sql.Identifier(SCHEMA, HISTORIES[dataset].name),
                _equal({"account": account, **_columns(dataset, source)}),
            )
        ).fetchall()
    ]


def _equal(conditions: Mapping[str, str]) -> sql.Composed:
    return sql.SQL(" AND ").join(
        sql.SQL("{} = {}").format(sql.Identifier(name), value) for name, value in conditions.items()
    )


def _columns(dataset: str, source: Source) -> dict[str, str]:
    """Columns whose values all rows of the source share."""
    columns = HISTORIES[dataset].by_name
    values = {"wallet": source.wallet, "kind": source.kind}
    return {name: value for name, value in values.items() if value and name in columns}


def _told_apart(dataset: str, source: Source) -> Any:
    with_market = "market" in HISTORIES[dataset].by_name
    return _columns(dataset, source), source.category if with_market else ""


def _markets(listing: Listing) -> list[str]:
    markets = listing.reading.client.ccxt.markets.values()
    return [m["symbol"] for m in markets if m.get(listing.source.category)]


def _milliseconds(time: datetime) -> int:
    return to_milliseconds(time.replace(microsecond=time.microsecond // 1000 * 1000))
