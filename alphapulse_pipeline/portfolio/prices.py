"""One price per asset and time, through the shortest and freshest path of markets.

What tells prices are the snapshots of all accounts (the middle of bid and ask, else the last price)
and the own spot fills. There is a set of prices at the time of every snapshot, and in an hour
without one at that of its last fill. A path has at most three markets; of those of the same length
one of spot markets alone is taken first, then the one whose oldest price is the freshest. Stable
coins cost what the markets say. Where there is no spot market in dollars, an inverse perpetual
tells what they cost: its coin is paid for in true dollars.

Fills are older than the first snapshot, and mostly paid in stable coins, whose price in dollars is
not known then. What they tell counts at the first price that the coin is known to have had: such a
path ends with the coin instead of a market.
"""

from datetime import datetime, timedelta
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.portfolio.derived import Figures
from alphapulse_pipeline.portfolio.queries import queries
from alphapulse_pipeline.portfolio.refresh import refreshing
from alphapulse_pipeline.settings.portfolio import PortfolioSettings

_SQL = queries("prices")

NAME = "prices"

_LASTS = timedelta(days=1)
"""How long what a market told is evidence. The queries know that it is whole hours."""
_PIECE = timedelta(hours=6)
"""As much is made in one statement."""

_STABLE = ("USDT", "USDC", "FDUSD", "TUSD", "DAI", "BUSD")
"""Coins that are meant to cost a dollar. None is taken to: see `portfolio.bridges`."""


def refresh(connection: Connection[TupleRow], settings: PortfolioSettings) -> Figures:
    """How many prices are new or changed, and how many held assets have none.

    Another currency makes everything anew: its own row at -infinity is recorded then.
    """
    with refreshing(connection, NAME) as since:
        if not _is_in(connection, settings.currency):
            since = datetime.min.replace(tzinfo=since.tzinfo)
            connection.execute("DELETE FROM portfolio.prices")
            connection.execute("DELETE FROM portfolio.priced")
            connection.execute("DELETE FROM portfolio.bridges")
            connection.execute(_SQL.set_currency, {"currency": settings.currency})
        connection.execute(_SQL.new_snapshots)
        connection.execute("ANALYZE fresh")
        values = {"currency": settings.currency, "stable": list(_STABLE), "lasts": _LASTS}
        values |= {"since": since, "piece": _PIECE}
        made = _make(connection, _SQL.pieces, values)
        made += _make(connection, _SQL.bridges, values)
        connection.execute(_SQL.record_progress)
    row = connection.execute("SELECT count(*) FROM portfolio.unpriced").fetchone()
    return {"priced": made, "unpriced assets": row[0] if row else 0}


def _make(connection: Connection[TupleRow], pieces: bytes, values: dict[str, Any]) -> int:
    """How many prices are new or changed in these pieces of time."""
    made = 0
    for start, end in connection.execute(pieces, values).fetchall():
        piece = values | {"starting": start, "ending": end}
        row = connection.execute(_SQL.calculate, piece).fetchone()
        made += row[0] if row else 0
    return made


def _is_in(connection: Connection[TupleRow], currency: str) -> bool:
    return connection.execute(_SQL.is_in_currency, {"currency": currency}).fetchone() == (True,)
