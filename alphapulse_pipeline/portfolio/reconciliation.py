"""Reconciliation: whether the histories explain each balance, from snapshot to snapshot.

Opening balance + fills + fees + transfers + funding + conversions + other ledger entries = closing
balance, for each account, wallet and asset. PostgreSQL adds up the windows; `settlement` decides
which differences are none. A refresh recalculates new windows and those in which a row of a history
is new, changed or deleted.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from itertools import groupby
from operator import itemgetter
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow, dict_row

from alphapulse_pipeline import datasets
from alphapulse_pipeline.portfolio import residuals
from alphapulse_pipeline.portfolio.derived import Figures
from alphapulse_pipeline.portfolio.queries import queries
from alphapulse_pipeline.portfolio.refresh import refreshing
from alphapulse_pipeline.portfolio.settlement import Reading, Window, settle
from alphapulse_pipeline.settings.portfolio import PortfolioSettings

_SQL = queries("reconciliation")

NAME = "reconciliation"
HISTORIES = tuple(
    history.name for history in datasets.HISTORIES.values() if history.affects_balances
)
"""The datasets whose rows change a balance."""

_Row = Mapping[str, Any]
_BALANCE = ("account", "wallet", "asset")
_TOLERANCE = timedelta(seconds=1)
"""An exchange's clock agrees with ours to a second, and some exchanges round times to seconds."""


@dataclass(frozen=True, slots=True)
class _Range:
    dataset: str
    start: datetime
    end: datetime
    reason: str


def refresh(connection: Connection[TupleRow], settings: PortfolioSettings) -> Figures:
    """Reports how many balances were recalculated, how many differences were classified, and how
    many breaks, unverifiable and pending differences there are."""
    with refreshing(connection, NAME) as since:
        connection.execute(_SQL.windows, {"since": since})
        connection.execute("CREATE INDEX ON windows (account, closed_at)")
        connection.execute("ANALYZE windows")
        connection.execute(_SQL.delete_windows)
        connection.execute(_SQL.record_progress)
        balances = connection.execute(_SQL.sums).rowcount
        classified = _classify(connection)
    return {"balances": balances, "classified": classified, **residuals.count(connection)}


def _classify(connection: Connection[TupleRow]) -> int:
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(_SQL.chains).fetchall()
    if not rows:
        return 0
    histories = _Histories(connection, min(row["opened_at"] for row in rows))
    verdicts: list[dict[str, object]] = []
    for _, group in groupby(rows, key=itemgetter(*_BALANCE)):
        chain = list(group)
        windows = [_window(row, histories) for row in chain]
        for row, verdict in zip(chain, settle(windows, chain[0]["carried"]), strict=True):
            key = {column: row[column] for column in (*_BALANCE, "closed_at")}
            verdicts.append(asdict(verdict) | key)
    with connection.cursor() as cursor:
        cursor.executemany(_SQL.set_verdict, verdicts)
    return len(verdicts)


def _window(row: _Row, histories: "_Histories") -> Window:
    following = None
    if row["next_at"] is not None:
        following = row["next_difference"], _reading(row, "later")
    return Window(
        row["difference"],
        _reading(row, "opened"),
        _reading(row, "closed"),
        following,
        histories.missing(row),
        histories.unverifiable(row),
    )


def _reading(row: _Row, which: str) -> Reading:
    return Reading(*(row[f"{which}_{part}"] for part in ("before", "after", "away")))


class _Histories:
    """Until when the histories are synced, and where they have gaps."""

    def __init__(self, connection: Connection[TupleRow], since: datetime) -> None:
        self._connection = connection
        histories = {"histories": list(HISTORIES), "since": since}
        self._synced: dict[str, dict[str, datetime | None]] = {}
        for account, dataset, up_to in connection.execute(_SQL.synced_up_to, histories):
            self._synced.setdefault(account, {})[dataset] = up_to
        self._not_synced: dict[str, list[str]] = dict(
            connection.execute(_SQL.not_synced, histories).fetchall()
        )
        self._gaps: dict[str, list[_Range]] = {}
        self._unreachable: dict[str, list[_Range]] = {}
        for account, unreachable, *values in connection.execute(_SQL.gaps, histories):
            ranges = self._unreachable if unreachable else self._gaps
            ranges.setdefault(account, []).append(_Range(*values))

    def missing(self, row: _Row) -> str:
        """The part of a window's history that a later run may bring."""
        until = row["closed_at"] + _TOLERANCE
        for dataset, up_to in self._synced.get(row["account"], {}).items():
            if up_to is None:
                return f"{dataset} are not synced yet"
            if up_to < until:
                return f"{dataset} are synced up to {up_to:%Y-%m-%d %H:%M:%S} only"
        if gap := _first(self._gaps, row):
            return f"gap in {gap.dataset}: {gap.reason}"
        return ""

    def unverifiable(self, row: _Row) -> str:
        """Why a window's history can never explain it."""
        if gap := _first(self._unreachable, row):
            return f"{gap.dataset} of this time are unreachable: {gap.reason}"
        if not_synced := self._not_synced.get(row["account"]):
            return f"{', '.join(not_synced)} of this account are not synced"
        if not row["pnl_reported"] and not row["ledger"]:
            return "the exchange does not report the realized profit and loss of each fill"
        if row["ledger"] or self._connection.execute(_SQL.missing_fill, row).fetchone():
            return ""
        return (
            "the exchange has no ledger of this wallet, and its other histories do not explain it"
        )


def _first(ranges: dict[str, list[_Range]], row: _Row) -> _Range | None:
    """The first range that overlaps a window."""
    start, end = row["opened_at"] - _TOLERANCE, row["closed_at"] + _TOLERANCE
    return next(
        (r for r in ranges.get(row["account"], ()) if r.start < end and r.end > start), None
    )
