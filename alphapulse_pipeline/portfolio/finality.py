"""From when on what is matched is not final, and why: the table `portfolio.finality`.

A match is final when everything that could change it is read: all entries of its account up to it
and to the first snapshot, the prices of that time, and the transfers that it may be paired with.
Until then it is provisional; it is partial where some of that is lost.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from psycopg import Connection, sql
from psycopg.rows import TupleRow, class_row

from alphapulse_pipeline.datasets.transfers import TRANSFERS
from alphapulse_pipeline.portfolio.numbers import money
from alphapulse_pipeline.portfolio.queries import queries
from alphapulse_pipeline.warehouse.history_state import SETTLES_WITHIN

_SQL = queries("finality")


@dataclass(frozen=True, slots=True)
class Realized:
    """The realized profit of a period, and what it rests on."""

    pnl: Decimal | None
    """None if no line has a known one."""
    final: Decimal
    """How much of it is final."""
    final_until: datetime | None
    """Up to when everything is final; None if nothing is."""
    state: str
    reason: str
    """Why what follows is not final."""

    def __str__(self) -> str:
        if self.state == "final":
            return self.state
        if self.final_until is None:
            return f"{self.state} ({self.reason})"
        return (
            f"{money(self.final)} of it is final, up to {self.final_until:%Y-%m-%d %H:%M} UTC; "
            f"then {self.state} ({self.reason})"
        )


def realized(connection: Connection[TupleRow], period: Mapping[str, object]) -> Realized | None:
    """Of an account in a period: the parameters of a `Scope`. None if nothing is derived yet."""
    with connection.cursor(row_factory=class_row(Realized)) as cursor:
        return cursor.execute(_SQL.overall, period).fetchone()


def read_coverage(connection: Connection[TupleRow]) -> None:
    """Remember what is read; before the entries are, in the same transaction."""
    connection.execute(_SQL.unread)


def store(connection: Connection[TupleRow]) -> tuple[str, str]:
    """Replace the table, once the entries are matched; the temporary table `members` is there.

    Returns up to when everything is final ("" if nothing is), and why what follows is not.
    """
    pending = sql.SQL(_SQL.bound_by_pending.decode()).format(
        unsettled=sql.SQL(TRANSFERS.unsettled), settles_within=sql.Literal(SETTLES_WITHIN)
    )
    connection.execute(_SQL.bounds)
    for statement in (_SQL.bound_by_gaps, _SQL.bound_by_prices, _SQL.bound_by_transfers):
        connection.execute(statement)
    connection.execute(pending)
    for statement in (_SQL.bound_by_origin, _SQL.forget, _SQL.store):
        connection.execute(statement)
    final_until, reason = connection.execute(_SQL.why).fetchone() or ("", "")
    return final_until, reason
