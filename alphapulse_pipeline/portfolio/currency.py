"""What the values in the tables are told in."""

from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.settings.portfolio import PortfolioSettings

# The one whose price has always been 1.
_CURRENCY = "SELECT asset FROM portfolio.prices WHERE at = '-infinity' ORDER BY recorded_at DESC"


def currency(connection: Connection[TupleRow]) -> str:
    """The reporting currency that the tables were made with."""
    row = connection.execute(_CURRENCY).fetchone()
    return str(row[0]) if row else PortfolioSettings().currency
