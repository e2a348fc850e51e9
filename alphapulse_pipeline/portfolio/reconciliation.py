"""Whether the histories explain each balance, from snapshot to snapshot.

Opening balance + fills + fees + transfers + funding + what only the ledger tells = closing balance,
for each account, wallet and asset. Sums are made where the rows are; which differences are none is
decided by `settlement`. What is made anew are the windows between two snapshots in which a row of
a history is new, changed or gone, and those that are new themselves.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from itertools import groupby
from operator import itemgetter
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow, dict_row

from alphapulse_pipeline.portfolio.derived import Figures
from alphapulse_pipeline.portfolio.queries import queries
from alphapulse_pipeline.portfolio.refresh import refreshing
from alphapulse_pipeline.portfolio.settlement import Reading, Window, settle
from alphapulse_pipeline.settings.portfolio import PortfolioSettings

_SQL = queries("reconciliation")

NAME = "reconciliation"

_Row = Mapping[str, Any]
_SECONDS = timedelta(seconds=1)
"""An exchange's clock and ours agree to a second, and some tell times in whole seconds."""


@dataclass(frozen=True, slots=True)
class _Range:
    dataset: str
    start: datetime
    end: datetime
    reason: str


def refresh(connection: Connection[TupleRow], settings: PortfolioSettings) -> Figures:
    """How many balances were summed up anew, how many differences were looked at, how many stay."""
    with refreshing(connection, NAME) as since:
        connection.execute(_SQL.windows, {"since": since})
        connection.execute("CREATE INDEX ON windows (account, closed_at)")
        connection.execute("ANALYZE windows")
        connection.execute(_SQL.delete_windows)
        connection.execute(_SQL.record_progress)
        summed = connection.execute(_SQL.sums).rowcount
        judged = _judge(connection)
    left: dict[str, int] = dict(connection.execute(queries("residuals").counts).fetchall())
    return {
        "summed up": summed,
        "judged": judged,
        **{state: left.get(state, 0) for state in ("off", "unwitnessed", "pending")},
    }


def _judge(connection: Connection[TupleRow]) -> int:
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(_SQL.chains).fetchall()
    if not rows:
        return 0
    histories = _Histories(connection, min(row["opened_at"] for row in rows))
    changes: list[dict[str, object]] = []
    for place, group in groupby(rows, key=itemgetter("account", "wallet", "asset")):
        chain = list(group)
        place_of = dict(zip(("account", "wallet", "asset"), place, strict=True))
        windows = [_window(row, histories) for row in chain]
        verdicts = settle(windows, chain[0]["carried"])
        for row, verdict in zip(chain, verdicts, strict=True):
            changes.append(asdict(verdict) | place_of | {"closed_at": row["closed_at"]})
    with connection.cursor() as cursor:
        cursor.executemany(_SQL.set_verdict, changes)
    return len(changes)


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
        histories.lost(row),
    )


def _reading(row: _Row, which: str) -> Reading:
    return Reading(*(row[f"{which}_{part}"] for part in ("before", "after", "away")))


class _Histories:
    """How far the histories are known, and where they have holes."""

    def __init__(self, connection: Connection[TupleRow], since: datetime) -> None:
        self._connection = connection
        self._known: dict[str, dict[str, datetime | None]] = {}
        for account, dataset, up_to in connection.execute(_SQL.known_up_to):
            self._known.setdefault(account, {})[dataset] = up_to
        self._left_out: dict[str, list[str]] = dict(connection.execute(_SQL.not_synced).fetchall())
        self._gaps: dict[str, list[_Range]] = {}
        self._unreachable: dict[str, list[_Range]] = {}
        for account, unreachable, *values in connection.execute(_SQL.gaps, {"since": since}):
            ranges = self._unreachable if unreachable else self._gaps
            ranges.setdefault(account, []).append(_Range(*values))

    def missing(self, row: _Row) -> str:
        """What of a window's history may still come."""
        until = row["closed_at"] + _SECONDS
        for dataset, up_to in self._known.get(row["account"], {}).items():
            if up_to is None or up_to < until:
                told = f"{up_to:%Y-%m-%d %H:%M:%S}" if up_to else "no time at all"
                return f"{dataset} are known up to {told}"
        if gap := _first(self._gaps, row):
            return f"a gap in {gap.dataset}: {gap.reason}"
        return ""

    def lost(self, row: _Row) -> str:
        """Why a window's history cannot explain it for ever."""
        if hole := _first(self._unreachable, row):
            return f"{hole.dataset} of this time are out of reach: {hole.reason}"
        if left_out := self._left_out.get(row["account"]):
            return f"{', '.join(left_out)} of the account are not synced"
        if not row["told"]:
            return "the exchange does not tell what a fill realised"
        if row["ledger"] or self._connection.execute(_SQL.missing_fill, row).fetchone():
            return ""
        return "the exchange has no ledger of this wallet, and its histories do not explain it"


def _first(ranges: dict[str, list[_Range]], row: _Row) -> _Range | None:
    """The first range that overlaps a window."""
    start, end = row["opened_at"] - _SECONDS, row["closed_at"] + _SECONDS
    return next(
        (r for r in ranges.get(row["account"], ()) if r.start < end and r.end > start), None
    )
