"""What a period earned: the change of the value that no deposit or withdrawal explains.

The return is time-weighted (CFA Institute, "Global Investment Performance Standards"): the factors
by which the value grew each day, multiplied, so that it does not depend on when money came and
went. What an account held when its histories begin counts as a deposit, except on the first day of
the period, where it is the opening value: an account that is added is no profit.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from math import prod
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow, dict_row

from alphapulse_pipeline.portfolio.queries import queries
from alphapulse_pipeline.portfolio.report.scope import Scope

_SQL = queries("report")
_ZERO = Decimal(0)

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Performance:
    """All amounts are in the reporting currency."""

    first: date
    last: date
    """Both included."""
    opening: Decimal
    """At the start of the first day."""
    flows: Decimal
    """Deposits less withdrawals, and what accounts held whose histories begin later."""
    profit: Decimal
    closing: Decimal
    rate: Decimal | None
    """The return as a share; None where nothing was invested."""
    state: str
    """The least certain state of its days."""
    reason: str
    """Why it is not final."""


_STATES = ("broken", "partial", "carried", "provisional", "final")


def performance(connection: Connection[TupleRow], scope: Scope) -> Performance | None:
    """The performance in this scope; None if no day of it is valued."""
    with connection.cursor(row_factory=dict_row) as cursor:
        days = cursor.execute(_SQL.days, scope.parameters).fetchall()
    return _calculate(days) if days else None


def _calculate(days: Sequence[Row]) -> Performance:
    """`days`: rows of `portfolio.value_daily`, oldest first."""
    begin, end = days[0], days[-1]
    grown = [day["growth"] for day in days if day["growth"] is not None]
    profit = sum((day["profit"] for day in days), _ZERO)
    flows = sum((day["flows"] for day in days), _ZERO) - begin["added"]
    worst = min(days, key=lambda day: _STATES.index(day["state"]))
    return Performance(
        first=begin["day"],
        last=end["day"],
        opening=end["value"] - profit - flows,
        flows=flows,
        profit=profit,
        closing=end["value"],
        rate=prod(grown) - 1 if grown else None,
        state=worst["state"],
        reason=worst["reason"],
    )
