"""One price per asset and time, through the shortest and freshest path of markets.

Evidence is the price snapshots of all accounts (the middle of bid and ask, else the last price),
the accounts' own spot fills, and the daily closes of spot markets. Prices are calculated at the
time of every snapshot and at the end of every day, and in an hour without a snapshot at the time of
its last fill. A path has at most three markets. Among paths of
the same length, one of spot markets only comes first, then the one whose oldest price is the
freshest. Stablecoins cost what the markets say. Where there is no spot market in dollars, an
inverse perpetual prices them: its coin trades for true dollars.

Fills are older than the first snapshot and mostly paid in stablecoins, whose dollar price is not
known then. They are valued at the first known price of the stablecoin: such a path ends with the
coin instead of a market.

A price is disputed where a different market or account, read at about the same time, differs by
more than the tolerance. The price stays the same; the one that differs most is stored with it, and
lowers the confidence in the value.
"""

from datetime import timedelta
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.portfolio.derived import Figures
from alphapulse_pipeline.portfolio.queries import queries
from alphapulse_pipeline.portfolio.refresh import NEVER, refreshing
from alphapulse_pipeline.settings.portfolio import PortfolioSettings

_SQL = queries("prices")

NAME = "prices"

_MAX_AGE = timedelta(days=1)
"""How old evidence may be. The queries rely on whole hours."""
_PIECE = timedelta(hours=6)
"""How much time one statement calculates."""

_TOGETHER = timedelta(minutes=10)
"""How much older than a price another one may be to dispute it: two snapshots at the default
schedule. Within longer times markets move."""

_STABLECOINS = ("USDT", "USDC", "FDUSD", "TUSD", "DAI", "BUSD")
"""Coins pegged to the dollar. None is assumed to cost one: see `portfolio.bridges`."""


def refresh(connection: Connection[TupleRow], settings: PortfolioSettings) -> Figures:
    """Reports how many prices are new or changed, and how many held assets have no price.

    A different reporting currency recalculates everything, a different tolerance compares all
    prices again.
    """
    chosen = {"currency": settings.currency, "tolerance": settings.price_tolerance}
    with refreshing(connection, NAME, for_prices=True) as since:
        if not _is_in(connection, settings.currency):
            connection.execute("DELETE FROM portfolio.prices")
            connection.execute("DELETE FROM portfolio.bridges")
            connection.execute(_SQL.set_currency, chosen)
            since = NEVER
        if connection.execute(_SQL.has_tolerance, chosen).fetchone() != (True,):
            connection.execute(_SQL.set_tolerance, chosen)
            since = NEVER
        if since == NEVER:
            connection.execute("DELETE FROM portfolio.priced")
        connection.execute(_SQL.new_snapshots)
        connection.execute("ANALYZE new_snapshots")
        values = {
            **chosen,
            **{"stable": list(_STABLECOINS), "together": _TOGETHER},
            **{"since": since, "max_age": _MAX_AGE, "piece": _PIECE},
        }
        written = _calculate(connection, _SQL.pieces, values)
        written += _calculate(connection, _SQL.bridges, values)
        connection.execute(_SQL.record_progress)
    row = connection.execute("SELECT count(*) FROM portfolio.unpriced").fetchone()
    return {"priced": written, "unpriced assets": row[0] if row else 0}


def _calculate(connection: Connection[TupleRow], pieces: bytes, values: dict[str, Any]) -> int:
    """Calculate these pieces of time; how many prices are new or changed."""
    written = 0
    for start, end in connection.execute(pieces, values).fetchall():
        piece = values | {"starting": start, "ending": end}
        row = connection.execute(_SQL.calculate, piece).fetchone()
        written += row[0] if row else 0
    return written


def _is_in(connection: Connection[TupleRow], currency: str) -> bool:
    return connection.execute(_SQL.is_in_currency, {"currency": currency}).fetchone() == (True,)
