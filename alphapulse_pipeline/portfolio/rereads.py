"""The search for the entry that is missing where a balance or a position is unexplained.

A difference is followed up in two steps. First the times at which another record shows that a fill
is missing are read again: an entry of the ledger without its fill, an order that was filled by more
than its fills. If the difference is still there, or nothing points anywhere, the whole window is.
`sync` reads these times in its next run, as often as it takes to be answered. Whatever it finds is
stored like any other row, and nothing is ever deleted. Each step is taken once per difference, so a
difference that stays is left alone until its amount changes.

A row that is stored twice cannot be found in this way; the likely entries of `residuals` name it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow, dict_row

from alphapulse_pipeline.portfolio.queries import queries

_SQL = queries("rereads")

NO_LEDGER = "the exchange has no ledger of this wallet, and its other histories do not explain it"
"""The only reason for which a difference is unverifiable and its history may lack a row."""

_SUSPECTED, _WHOLE_WINDOW = 1, 2
"""The steps."""
_DIFFERENCES = 10
"""How many differences of an account are followed up at a time, newest first."""
_TIMES = 3
"""How many times another record may point to, for one difference."""
_NAMED = 5
"""How many found entries are named."""
_RECENT = timedelta(days=7)
"""How long a difference that was explained is shown."""

Asked = Sequence[Mapping[str, Any]]


def asked(connection: Connection[TupleRow], name: str) -> Asked:
    """The times that were read again and not examined yet. Call it before the windows are
    calculated, so that what was stored then is in them."""
    return _rows(connection, _SQL.asked, {"name": name})


def follow_up(
    connection: Connection[TupleRow], name: str, histories: Sequence[str], asked: Asked
) -> None:
    """Record what became of the times that were `asked`, and request the next ones.

    `name`: the table with the differences; `histories`: the datasets that may explain them.
    """
    connection.execute(_SQL.withdraw, {"name": name})
    for times in asked:
        entries = connection.execute(_SQL.found, {**times, "most": _NAMED + 1}).fetchall()
        named = [entry for (entry,) in entries[:_NAMED]]
        more = ["and more"] if len(entries) > _NAMED else []
        found = ", ".join(named + more)
        connection.execute(_SQL.conclude, {"id": times["id"], "found": found})
    limits = {"name": name, "no_ledger": NO_LEDGER, "most": _DIFFERENCES}
    for difference in _rows(connection, _SQL.unexplained, limits):
        _request(connection, {**difference, "histories": list(histories), "most": _TIMES})


def _request(connection: Connection[TupleRow], difference: Mapping[str, Any]) -> None:
    """The next step for a difference."""
    step, times = _WHOLE_WINDOW, []
    if difference["step"] < _SUSPECTED:
        step = _SUSPECTED
        if not difference["market"]:
            times = _rows(connection, _SQL.suspected_by_ledger, difference)
        times = times or _rows(connection, _SQL.suspected_by_orders, difference)
    if not times:
        step, times = _WHOLE_WINDOW, _rows(connection, _SQL.whole_window, difference)
    for one in times:
        connection.execute(_SQL.request, {**difference, **one, "step": step})


def became(connection: Connection[TupleRow], difference: Mapping[str, Any]) -> str:
    """What became of the search for one difference, in a phrase; empty if there was none."""
    rows = _rows(connection, _SQL.of_window, difference)
    if not rows:
        return ""
    phrases = [_phrase(row) for row in rows]
    over = all(row["found"] is not None for row in rows)
    if over and rows[-1]["dataset"]:
        phrases.append("compare this time with the exchange's website")
    return "; ".join(dict.fromkeys(phrases))


def _phrase(row: Mapping[str, Any]) -> str:
    where = f" of {row['listed_in']}" if row["listed_in"] else ""
    read = f"{row['dataset']}{where} from {_moment(row['starts_at'])} to {_moment(row['ends_at'])}"
    if row["asked_at"] is None:
        tried = f" (failed {row['failures']} times)" if row["failures"] else ""
        return f"the next run reads {read} again{tried}"
    could_not = f" ({row['outcome']})" if row["outcome"] else ""
    if row["found"]:
        return f"{read} were read again{could_not}, and found: {row['found']}"
    return f"{read} were read again on {row['asked_at']:%Y-%m-%d %H:%M}{could_not}: nothing new"


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}"


@dataclass(frozen=True, slots=True)
class Explained:
    """A difference that is gone since its missing row was found."""

    account: str
    wallet: str
    asset: str
    market: str
    opened_at: datetime
    closed_at: datetime
    residual: Decimal
    dataset: str
    starts_at: datetime
    ends_at: datetime
    asked_at: datetime
    found: str

    def __str__(self) -> str:
        held = f"the position in {self.market}" if self.market else f"{self.asset} in wallet "
        return (
            f"{self.account}: {held}{self.wallet} was off by {self.residual:f} between "
            f"{_moment(self.opened_at)} and {_moment(self.closed_at)}; {self.dataset} from "
            f"{_moment(self.starts_at)} to {_moment(self.ends_at)} were read again, and what was "
            f"missing was found: {self.found}"
        )


def explained(connection: Connection[TupleRow], name: str = "", most: int = 20) -> list[Explained]:
    """The differences of the last days that a second reading explained, newest first; of one table,
    or of both."""
    wanted = {"name": name, "since": _RECENT, "most": most}
    return [Explained(**row) for row in _rows(connection, _SQL.healed, wanted)]


def _rows(
    connection: Connection[TupleRow], statement: bytes, values: Mapping[str, Any]
) -> list[dict[str, Any]]:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(statement, values).fetchall()
