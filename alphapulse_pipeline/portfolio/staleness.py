"""Since when the lots of which asset are to be made: what is new, and what that changes.

The table `stale` tells it for one refresh: (book, asset, since). A book is the account whose lots
are matched by themselves, blank where those of all accounts are one.
"""

from datetime import UTC, datetime

from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.portfolio.queries import queries
from alphapulse_pipeline.portfolio.refresh import NEVER
from alphapulse_pipeline.settings.portfolio import PortfolioSettings

_SQL = queries("staleness")


_FORGET = (
    "DELETE FROM portfolio.realized_pnl",
    "DELETE FROM portfolio.lots",
    "DELETE FROM portfolio.cost_basis",
    "DELETE FROM portfolio.openings",
    "DELETE FROM portfolio.lot_accounts",
    "DELETE FROM portfolio.own_transfers",
)


def find_stale(
    connection: Connection[TupleRow], settings: PortfolioSettings, since: datetime
) -> int:
    """Make the table `stale` from what was recorded since that time; how many assets it names."""
    given = settings.model_dump()
    if connection.execute(_SQL.same_settings, given).fetchone() is None:
        since = NEVER
        for statement in _FORGET:
            connection.execute(statement)
        connection.execute(_SQL.set_settings, given)
    news = {"since": since}
    connection.execute(_SQL.members, given)
    connection.execute(_SQL.found)
    connection.execute(_SQL.new_entries, news)
    if since > NEVER:
        connection.execute(_SQL.rewritten_entries, news)
        connection.execute(_SQL.changed_prices, news)
    connection.execute(_SQL.accounts_now, {"now": datetime.now(UTC)})
    connection.execute(_SQL.set_accounts)
    connection.execute(_SQL.changed_accounts)
    changed = connection.execute(_SQL.transfers_changed, news).fetchone()
    if changed and changed[0]:
        connection.execute(_SQL.own_now)
        connection.execute(_SQL.changed_own_transfers)
        connection.execute("DELETE FROM portfolio.own_transfers")
        connection.execute("INSERT INTO portfolio.own_transfers TABLE own_now")
    connection.execute(_SQL.openings_now)
    connection.execute(_SQL.changed_openings)
    connection.execute(_SQL.delete_openings)
    connection.execute(_SQL.set_openings)
    stale = connection.execute(_SQL.stale).rowcount
    connection.execute("ANALYZE members, stale")
    return stale
