"""The reporting currency of the stored values."""

from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.settings.portfolio import PortfolioSettings

# The reporting currency is the asset whose price has been 1 since -infinity.
_CURRENCY = "SELECT asset FROM portfolio.prices WHERE at = '-infinity' ORDER BY recorded_at DESC"


def currency(connection: Connection[TupleRow]) -> str:
    """The reporting currency of the stored values; the default if nothing is stored yet."""
    row = connection.execute(_CURRENCY).fetchone()
    return str(row[0]) if row else PortfolioSettings().currency
