"""What the accounts are worth, from snapshot to snapshot, and how sure that is.

A point for every snapshot of balances, valued with the positions and prices that were read with it,
and one for all accounts together at each of these times, and where a snapshot failed, which takes
the last point of each. An account that fails stays in the sum with what it was last worth, and the
point says so; its certainty falls to nothing within a week. What a balance has gained or lost since
the last snapshot without its history telling so, since it is not there yet or is wrong, is a doubt
of that size. An account that is no longer deployed ends with its last snapshot. What is made anew
are the points that are new, or whose prices, positions or doubts are.
"""

from datetime import timedelta

from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.portfolio.derived import Figures
from alphapulse_pipeline.portfolio.queries import queries
from alphapulse_pipeline.portfolio.refresh import refreshing
from alphapulse_pipeline.settings.portfolio import PortfolioSettings

_SQL = queries("value")

NAME = "value"

_INTERVALS = {
    "alongside": timedelta(minutes=1),
    "late": timedelta(hours=2),
    "fades": timedelta(days=7),
}
"""Within `alongside` after balances, positions and prices were read with them; a snapshot is `late`
that is so much older, whether a failure was seen or not; what is carried so long is not certain at
all."""


def refresh(connection: Connection[TupleRow], settings: PortfolioSettings) -> Figures:
    """How many points are new or changed, and what all accounts together are worth now."""
    with refreshing(connection, NAME) as since:
        values = _INTERVALS | {"since": since}
        connection.execute(_SQL.accounts)
        connection.execute("ANALYZE fresh")
        connection.execute(_SQL.unexplained, values)
        connection.execute(_SQL.points, values)
        connection.execute("ANALYZE points")
        connection.execute(_SQL.valued, values)
        connection.execute(_SQL.times)
        connection.execute("ANALYZE times")
        together = connection.execute(_SQL.totals, values).rowcount
        connection.execute(_SQL.record_progress)
        moved = connection.execute("SELECT count(*) FROM moved").fetchone()
    newest = connection.execute(_SQL.newest).fetchone()
    figures = {"points": moved[0] if moved else 0, "points together": together}
    if newest is None:
        return figures
    value, certainty, carried, unexplained, state = newest
    return figures | {
        f"value ({settings.currency})": value,
        "certainty": certainty,
        "carried": carried,
        "unexplained": unexplained,
        "state": state,
    }
