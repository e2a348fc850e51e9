"""What is held now and what it is worth: the newest snapshots at the newest prices.

A balance does not count what open positions have won or lost, which stands beside it. The table is
made anew each time: it is as small as what is held.
"""

from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.portfolio.derived import Figures
from alphapulse_pipeline.portfolio.queries import queries
from alphapulse_pipeline.portfolio.refresh import refreshing
from alphapulse_pipeline.settings.portfolio import PortfolioSettings

_SQL = queries("holdings")

NAME = "holdings"


def refresh(connection: Connection[TupleRow], settings: PortfolioSettings) -> Figures:
    """How many things are held, what they are worth together, and how many have no value."""
    with refreshing(connection, NAME):
        connection.execute("DELETE FROM portfolio.holdings")
        connection.execute(_SQL.insert)
        row = connection.execute(_SQL.figures).fetchone()
    if row is None:
        raise AssertionError("a row is always answered")
    held, value, unpriced = row
    return {"held": held, f"value ({settings.currency})": value, "unpriced": unpriced}
