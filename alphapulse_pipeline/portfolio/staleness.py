"""The assets whose lots are out of date, and since when.

`find_stale` leaves them in the temporary table `stale`: (book, asset, since). A book is the account
whose lots are matched among themselves; blank if all accounts share their lots.
"""

from datetime import UTC, datetime

from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.portfolio.queries import queries
from alphapulse_pipeline.portfolio.refresh import NEVER
from alphapulse_pipeline.settings.portfolio import PortfolioSettings

_SQL = queries("staleness")

_DELETE_ALL = (
    "DELETE FROM portfolio.matched_lines",
    "DELETE FROM portfolio.matched_lots",
    "DELETE FROM portfolio.matched_sums",
    "DELETE FROM portfolio.openings",
    "DELETE FROM portfolio.lot_accounts",
    "DELETE FROM portfolio.own_transfers",
)


def find_stale(
    connection: Connection[TupleRow], settings: PortfolioSettings, since: datetime
) -> int:
    """Create the table `stale` from what was recorded since that time; how many rows it has.

    Different settings make everything stale.
    """
    given = settings.model_dump()
    if connection.execute(_SQL.same_settings, given).fetchone() is None:
        since = NEVER
        for statement in _DELETE_ALL:
            connection.execute(statement)
        connection.execute(_SQL.set_settings, given)
    recorded = {"since": since}
    connection.execute(_SQL.members, given)
    connection.execute(_SQL.found)
    connection.execute(_SQL.new_entries, recorded)
    if since > NEVER:
        connection.execute(_SQL.rewritten_entries, recorded)
        connection.execute(_SQL.changed_prices, recorded)
    connection.execute(_SQL.accounts_now, {"now": datetime.now(UTC)})
    connection.execute(_SQL.set_accounts)
    connection.execute(_SQL.changed_accounts)
    changed = connection.execute(_SQL.transfers_changed, recorded).fetchone()
    if changed and changed[0]:
        connection.execute(_SQL.own_now)
        connection.execute(_SQL.changed_own_transfers)
        connection.execute("DELETE FROM portfolio.own_transfers")
        connection.execute("INSERT INTO portfolio.own_transfers SELECT * FROM own_now")
    connection.execute(_SQL.openings_now)
    connection.execute(_SQL.changed_openings)
    connection.execute(_SQL.delete_openings)
    connection.execute(_SQL.set_openings)
    stale = connection.execute(_SQL.stale).rowcount
    connection.execute("ANALYZE members, stale")
    return stale
