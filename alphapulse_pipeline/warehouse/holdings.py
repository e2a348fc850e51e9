"""What an account holds according to its newest snapshots, and their prices."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.warehouse.queries import queries

_SQL = queries("holdings")


class Amount(NamedTuple):
    """`amount` is None if the exchange did not say it."""

    place: str
    """The wallet of a balance, the category of a position's market."""
    asset: str
    amount: Decimal | None


class Quote(NamedTuple):
    base: str
    quote: str
    price: Decimal


def balances(connection: Connection[TupleRow], account: str) -> Sequence[Amount]:
    """What each wallet holds and does not owe."""
    return _amounts(connection, _SQL.balances, account)


def positions(connection: Connection[TupleRow], account: str) -> Sequence[Amount]:
    """What positions add to the balances: the value of options, of others the profit."""
    return _amounts(connection, _SQL.positions, account)


def quotes(connection: Connection[TupleRow], account: str) -> Sequence[Quote]:
    """The newest prices, those of spot markets first."""
    rows = connection.execute(_SQL.prices, {"account": account}).fetchall()
    return [Quote(*row) for row in rows]


def read_since(connection: Connection[TupleRow], account: str, oldest: datetime) -> set[str]:
    """The datasets with a snapshot since then."""
    rows = connection.execute(_SQL.read_since, {"account": account, "oldest": oldest}).fetchall()
    return {row[0] for row in rows}


def _amounts(connection: Connection[TupleRow], query: bytes, account: str) -> list[Amount]:
    return [Amount(*row) for row in connection.execute(query, {"account": account}).fetchall()]
