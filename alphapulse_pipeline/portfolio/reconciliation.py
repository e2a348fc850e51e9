"""Reconciliation: whether the histories explain each balance, from snapshot to snapshot.

Opening balance + fills + fees + transfers + funding + conversions + other ledger entries = closing
balance, for each account, wallet and asset. PostgreSQL adds up the windows; `settlement` decides
which differences are none. A refresh recalculates new windows and those in which a row of a history
is new, changed or deleted.
"""

from psycopg import Connection
from psycopg.rows import TupleRow, dict_row

from alphapulse_pipeline import datasets
from alphapulse_pipeline.portfolio import rereads, residuals, windows
from alphapulse_pipeline.portfolio.derived import Figures
from alphapulse_pipeline.portfolio.history_gaps import HistoryGaps, Row
from alphapulse_pipeline.portfolio.queries import queries
from alphapulse_pipeline.portfolio.refresh import refreshing
from alphapulse_pipeline.portfolio.settlement import Reading, Window, settle_all
from alphapulse_pipeline.settings.portfolio import PortfolioSettings

_SQL = queries("reconciliation")

NAME = "reconciliation"
HISTORIES = tuple(
    history.name for history in datasets.HISTORIES.values() if history.affects_balances
)
"""The datasets whose rows change a balance."""

_BALANCE = ("account", "wallet", "asset")


def refresh(connection: Connection[TupleRow], settings: PortfolioSettings) -> Figures:
    """Reports how many balances were recalculated, how many differences were classified, and how
    many breaks, unverifiable and pending differences there are."""
    with refreshing(connection, NAME) as since:
        asked = rereads.asked(connection, NAME)
        connection.execute(_SQL.changed, {"since": since})
        windows.find(connection, "balances", progress="reconciled", reconciled=NAME)
        connection.execute(_SQL.record_progress)
        balances = connection.execute(_SQL.sums).rowcount
        classified = _classify(connection)
        rereads.follow_up(connection, NAME, HISTORIES, asked)
    return {"balances": balances, "classified": classified, **residuals.count(connection, of=NAME)}


def _classify(connection: Connection[TupleRow]) -> int:
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(_SQL.chains).fetchall()
    if not rows:
        return 0
    gaps = HistoryGaps(connection, HISTORIES, min(row["opened_at"] for row in rows))
    verdicts = settle_all(rows, _BALANCE, lambda row: _window(connection, row, gaps))
    with connection.cursor() as cursor:
        cursor.executemany(_SQL.set_verdict, verdicts)
    return len(verdicts)


def _window(connection: Connection[TupleRow], row: Row, gaps: HistoryGaps) -> Window:
    following = None
    if row["next_at"] is not None:
        following = row["next_difference"], _reading(row, "later")
    return Window(
        row["difference"],
        _reading(row, "opened"),
        _reading(row, "closed"),
        following,
        gaps.missing(row),
        gaps.never(row) or _unverifiable(connection, row),
    )


def _reading(row: Row, which: str) -> Reading:
    return Reading(*(row[f"{which}_{part}"] for part in ("before", "after", "away")))


def _unverifiable(connection: Connection[TupleRow], row: Row) -> str:
    """Why the exchange's histories can never explain a window."""
    if not row["pnl_reported"] and not row["ledger"]:
        return "the exchange does not report the realized profit and loss of each fill"
    if row["ledger"] or connection.execute(_SQL.missing_fill, row).fetchone():
        return ""
    return rereads.NO_LEDGER
