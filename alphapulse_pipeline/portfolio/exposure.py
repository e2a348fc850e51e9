"""What moves with each asset: balances and positions together, with and without their signs.

A linear contract moves like its base, an inverse one like the base that its dollars buy at the mark
price. Options count with their whole notional, calls sold and puts bought as short: how much of it
they move with (their delta) is not known, so that this is the most it can be. What positions have
won or lost counts to what an account is worth, not to what it is exposed to.
"""

from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.portfolio.derived import Figures
from alphapulse_pipeline.portfolio.queries import queries
from alphapulse_pipeline.portfolio.refresh import refreshing
from alphapulse_pipeline.settings.portfolio import PortfolioSettings

_SQL = queries("exposure")

NAME = "exposure"


def refresh(connection: Connection[TupleRow], settings: PortfolioSettings) -> Figures:
    """How many exposures there are, the leverage of all, and how near a liquidation is."""
    with refreshing(connection, NAME):
        connection.execute("DELETE FROM portfolio.exposure")
        rows = connection.execute(_SQL.insert).rowcount
        found = connection.execute(_SQL.figures).fetchone()
    leverage, distance = found or (None, None)
    told = {"leverage": leverage, "distance to liquidation": distance}
    return {"exposures": rows, **{name: value for name, value in told.items() if value is not None}}
