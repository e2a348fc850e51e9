"""The movements of each balance before the first snapshot, added up by day.

What was held at a time before the first snapshot is that snapshot less what has moved since
(`portfolio.rolled_back`); without these sums that would read the whole history. A refresh adds up
the days in which a row of a history is new, changed or deleted.
"""

from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.portfolio.derived import Figures
from alphapulse_pipeline.portfolio.queries import queries
from alphapulse_pipeline.portfolio.refresh import refreshing
from alphapulse_pipeline.settings.portfolio import PortfolioSettings

_SQL = queries("movements_daily")

NAME = "movements_daily"


def refresh(connection: Connection[TupleRow], settings: PortfolioSettings) -> Figures:
    """Reports how many days (of any account) were added up, and how many sums they have."""
    with refreshing(connection, NAME) as since:
        days = connection.execute(_SQL.days, {"since": since}).rowcount
        connection.execute("ANALYZE days")
        connection.execute(_SQL.delete_days)
        sums = connection.execute(_SQL.sums).rowcount
    return {"days": days, "sums": sums}
