"""What everything cost, and what was realised by each fill: lots, and their matches.

What an entry changes is told by the view `portfolio.legs`; `matching` and `lots` do the rest. Lots
of an asset go on from what is stored, unless an entry, a price or a transfer has become known of
an earlier time: then all since that time is taken back, and made anew.
"""

from decimal import Context, localcontext

from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.portfolio.derived import Figures
from alphapulse_pipeline.portfolio.lot_store import Store
from alphapulse_pipeline.portfolio.lots import DIGITS, METHODS
from alphapulse_pipeline.portfolio.matching import Leg, Matching
from alphapulse_pipeline.portfolio.queries import queries
from alphapulse_pipeline.portfolio.refresh import refreshing
from alphapulse_pipeline.portfolio.staleness import find_stale
from alphapulse_pipeline.settings.portfolio import PortfolioSettings

_SQL = queries("lots")

NAME = "realized_pnl"
_AT_ONCE = 20_000

# What is taken back are few lines of all that a hash would be made of.
_BY_INDEX = "SET LOCAL enable_hashjoin = off"
_AS_PLANNED = "SET LOCAL enable_hashjoin = on"


def refresh(connection: Connection[TupleRow], settings: PortfolioSettings) -> Figures:
    """How many legs were matched, how many lines that gave, how many lines have no price."""
    with refreshing(connection, NAME) as since, localcontext(Context(prec=DIGITS)):
        assets = find_stale(connection, settings, since)
        for statement in (
            _BY_INDEX,
            _SQL.restart_unpriced,
            _SQL.roll_back,
            _SQL.restart,
            _AS_PLANNED,
        ):
            connection.execute(statement)
        legs, lines = _match(connection, settings)
        row = connection.execute(_SQL.unpriced).fetchone()
    unpriced, without_cost = row or (0, 0)
    return {
        "assets": assets,
        "legs": legs,
        "lines": lines,
        "unpriced lines": unpriced,
        "assets without a cost": without_cost,
    }


def _match(connection: Connection[TupleRow], settings: PortfolioSettings) -> tuple[int, int]:
    store = Store(connection, METHODS[settings.cost_basis])
    matching = Matching(store.book, store.left)
    legs = lines = 0
    with connection.cursor("legs") as cursor:
        cursor.itersize = _AT_ONCE
        cursor.execute(_SQL.legs, {"currency": settings.currency})
        while rows := cursor.fetchmany(_AT_ONCE):
            for row in rows:
                matching.take(Leg._make(row))
            legs += len(rows)
            lines += len(matching.lines)
            store.write(matching.books, matching.lines)
            matching.lines.clear()
    store.finish(matching.books)
    return legs, lines
