"""Cost basis and realized profit and loss: lots, and what each fill closes of them.

The view `portfolio.legs` gives what each entry changes; `matching` and `lots` do the rest. The lots
of an asset continue from what is stored. If an entry, a price or a transfer of an earlier time is
new or changed, everything since that time is rolled back and recalculated.
"""

from decimal import Context, localcontext

from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.portfolio import finality
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
_BATCH = 20_000

# A hash join would read all lines to roll back a few.
_BY_INDEX = b"SET LOCAL enable_hashjoin = off"
_AS_PLANNED = b"SET LOCAL enable_hashjoin = on"


def refresh(connection: Connection[TupleRow], settings: PortfolioSettings) -> Figures:
    """Reports how many assets were recalculated, legs matched and lines written, how many lines
    and assets have no known cost or price, and up to when all of it is final."""
    with refreshing(connection, NAME) as since, localcontext(Context(prec=DIGITS)):
        finality.read_coverage(connection)
        assets = find_stale(connection, settings, since)
        roll_back = (_SQL.restart_unpriced, _SQL.roll_back, _SQL.restart)
        for statement in (_BY_INDEX, *roll_back, _AS_PLANNED):
            connection.execute(statement)
        legs, lines = _match(connection, settings)
        final_until, reason = finality.store(connection)
        row = connection.execute(_SQL.unpriced).fetchone()
    unpriced, without_cost = row or (0, 0)
    return {
        "assets": assets,
        "legs": legs,
        "lines": lines,
        "unpriced lines": unpriced,
        "assets without a cost": without_cost,
        "final up to": final_until or "nothing is final yet",
        "not final because": reason,
    }


def _match(connection: Connection[TupleRow], settings: PortfolioSettings) -> tuple[int, int]:
    store = Store(connection, METHODS[settings.cost_basis])
    matching = Matching(store.book, store.withdrawn)
    legs = lines = 0
    with connection.cursor("legs") as cursor:
        cursor.itersize = _BATCH
        cursor.execute(_SQL.legs, {"currency": settings.currency})
        while rows := cursor.fetchmany(_BATCH):
            for row in rows:
                matching.take(Leg._make(row))
            legs += len(rows)
            lines += len(matching.lines)
            store.write(matching.books, matching.lines)
            matching.lines.clear()
    store.finish(matching.books)
    return legs, lines
