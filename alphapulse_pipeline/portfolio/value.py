"""The value of each account and of all together at every snapshot, and its confidence.

Each snapshot of balances is a point, valued with the positions and prices read along with it. The
total has a point at each of these times and at each failed snapshot, and takes the last point of
every account. A failed account is carried at its last value, and the point says so; its confidence
falls to zero within a week. What a balance gained or lost without an explanation in its history,
because the history is late or wrong, is uncertainty of that size, and so is the difference between
two sources of one price that disagree. An account that is no longer
deployed ends with its last snapshot. A point is final once the histories are read up to its time:
until then its prices and what is unexplained may change. A refresh recalculates new points and
those whose prices, positions or residuals have changed.
"""

from datetime import timedelta

from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.portfolio.derived import Figures
from alphapulse_pipeline.portfolio.queries import queries
from alphapulse_pipeline.portfolio.refresh import NEVER, refreshing
from alphapulse_pipeline.settings.portfolio import PortfolioSettings

_SQL = queries("value")

NAME = "value"

_INTERVALS = {
    "alongside": timedelta(minutes=1),
    "late": timedelta(hours=2),
    "fades": timedelta(days=7),
}
_MARGIN = timedelta(minutes=3)
"""How long before the end of what is read a point is final: `alongside`, and the two minutes over
which rows and ledger are compared."""
"""Positions and prices read within `alongside` after the balances belong to them. A snapshot older
than `late` is carried, even without a recorded failure. Confidence in a carried value falls to zero
within `fades`."""


def refresh(connection: Connection[TupleRow], settings: PortfolioSettings) -> Figures:
    """Reports how many points are new or changed, and the current total."""
    with refreshing(connection, NAME) as since:
        found = connection.execute(_SQL.final_until).fetchone()
        final_until = found[0] - _MARGIN if found and found[0] > NEVER else NEVER
        values = _INTERVALS | {"since": since, "final_until": final_until}
        connection.execute(_SQL.accounts_now)
        connection.execute("ANALYZE accounts_now")
        connection.execute(_SQL.unexplained, values)
        connection.execute(_SQL.points, values)
        connection.execute("ANALYZE points")
        connection.execute(_SQL.valued, values)
        connection.execute(_SQL.times)
        connection.execute("ANALYZE times")
        totals = connection.execute(_SQL.totals, values).rowcount
        connection.execute(_SQL.settle, values)
        connection.execute(_SQL.record_progress)
        changed = connection.execute("SELECT count(*) FROM changed_points").fetchone()
    newest = connection.execute(_SQL.newest).fetchone()
    figures = {"points": changed[0] if changed else 0, "totals": totals}
    if newest is None:
        return figures
    _, value, confidence, uncertainty, carried, unexplained, disputed, _, state = newest
    return figures | {
        f"value ({settings.currency})": value,
        "confidence": confidence,
        "uncertainty": uncertainty,
        "carried": carried,
        "unexplained": unexplained,
        "disputed": disputed,
        "state": state,
    }
