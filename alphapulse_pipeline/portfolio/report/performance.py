"""What a period earned: the change of the value that no deposit or withdrawal explains.

The return is modified Dietz (CFA Institute, "Global Investment Performance Standards"): the profit
divided by the opening value plus each flow, weighted by the share of the period that it was there.
An account's first value, where that is inside of the period, counts as a deposit: a new account is
no profit.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow, dict_row

from alphapulse_pipeline.portfolio.queries import queries
from alphapulse_pipeline.portfolio.report.scope import Scope

_SQL = queries("report")
_ZERO = Decimal(0)
_TOGETHER = timedelta(hours=1)
"""Accounts that are first valued within this time begin together."""

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Performance:
    """All amounts are in the reporting currency."""

    opened_at: datetime
    closed_at: datetime
    opening: Decimal
    flows: Decimal
    """Deposits less withdrawals, and the first values of accounts that came later."""
    closing: Decimal
    base: Decimal
    """The opening value and the weighted flows."""
    unpriced: int
    """Flows without a known price; they count as nothing."""

    @property
    def profit(self) -> Decimal:
        return self.closing - self.opening - self.flows

    @property
    def rate(self) -> Decimal | None:
        """The return as a share; None where nothing was invested."""
        return self.profit / self.base if self.base > 0 else None


def performance(connection: Connection[TupleRow], scope: Scope) -> Performance | None:
    """The performance in this scope; None without two values to compare."""
    with connection.cursor(row_factory=dict_row) as cursor:
        accounts = cursor.execute(_SQL.performance, scope.parameters).fetchall()
        flows = [
            flow for account in accounts for flow in cursor.execute(_SQL.flows_between, account)
        ]
    if not accounts:
        return None
    first = min(row["opened_at"] for row in accounts)
    began = scope.since if scope.since and scope.since >= first else first + _TOGETHER
    return _calculate(accounts, flows, first, began)


def _calculate(
    accounts: Sequence[Row], flows: Sequence[Row], first: datetime, began: datetime
) -> Performance | None:
    last = max(row["closed_at"] for row in accounts)
    if first >= last:
        return None
    added = [(row["opened_at"], row["opening"]) for row in accounts if row["opened_at"] > began]
    added += [(flow["at"], flow["value"]) for flow in flows if flow["value"] is not None]
    opening = sum((row["opening"] for row in accounts if row["opened_at"] <= began), _ZERO)
    length = Decimal((last - first).total_seconds())
    weighted = sum(
        (value * Decimal((last - at).total_seconds()) / length for at, value in added), _ZERO
    )
    return Performance(
        opened_at=first,
        closed_at=last,
        opening=opening,
        flows=sum((value for _, value in added), _ZERO),
        closing=sum((row["closing"] for row in accounts), _ZERO),
        base=opening + weighted,
        unpriced=sum(flow["value"] is None for flow in flows),
    )
