"""Position reconciliation: whether the fills explain each position, from snapshot to snapshot.

Opening contracts + fills = closing contracts, for each derivatives market of an account, long
positive: liquidations, deleveraging and settlements are fills. A fill that is missing shows here
whether or not the exchange has a ledger. Windows in which nothing moved have no row. The rest is as
in `reconciliation`.
"""

from psycopg import Connection
from psycopg.rows import TupleRow, dict_row

from alphapulse_pipeline.portfolio import rereads, residuals, windows
from alphapulse_pipeline.portfolio.derived import Figures
from alphapulse_pipeline.portfolio.history_gaps import HistoryGaps, Row
from alphapulse_pipeline.portfolio.queries import queries
from alphapulse_pipeline.portfolio.refresh import refreshing
from alphapulse_pipeline.portfolio.settlement import Reading, Window, settle_all
from alphapulse_pipeline.settings.portfolio import PortfolioSettings

_SQL = queries("position_reconciliation")

NAME = "position_reconciliation"
_FILLS = ("trades",)
_POSITION = ("account", "market")


def refresh(connection: Connection[TupleRow], settings: PortfolioSettings) -> Figures:
    """Reports how many changes of a position were recalculated, how many differences were
    classified, and how many breaks, unverifiable and pending differences there are."""
    with refreshing(connection, NAME) as since:
        asked = rereads.asked(connection, NAME)
        connection.execute(_SQL.changed, {"since": since})
        windows.find(connection, "positions", progress="reconciled_positions", reconciled=NAME)
        connection.execute(_SQL.record_progress)
        changes = connection.execute(_SQL.sums).rowcount
        classified = _classify(connection)
        rereads.follow_up(connection, NAME, _FILLS, asked)
    found = residuals.count(connection, of=NAME)
    return {"changes": changes, "classified": classified, **found}


def _classify(connection: Connection[TupleRow]) -> int:
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(_SQL.chains).fetchall()
    if not rows:
        return 0
    gaps = HistoryGaps(connection, _FILLS, min(row["opened_at"] for row in rows))
    verdicts = settle_all(rows, _POSITION, lambda row: _window(row, gaps))
    with connection.cursor() as cursor:
        cursor.executemany(_SQL.set_verdict, verdicts)
    return len(verdicts)


def _window(row: Row, gaps: HistoryGaps) -> Window:
    following = None
    if row["next_at"] is not None:
        following = row["next_difference"], _reading(row, "later")
    return Window(
        row["difference"],
        _reading(row, "opened"),
        _reading(row, "closed"),
        following,
        gaps.missing(row),
        gaps.never(row),
    )


def _reading(row: Row, which: str) -> Reading:
    return Reading(row[f"{which}_before"], row[f"{which}_after"])
