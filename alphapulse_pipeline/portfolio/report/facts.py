"""The figures of the report, exact."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow, dict_row

from alphapulse_pipeline.portfolio import residuals
from alphapulse_pipeline.portfolio.currency import currency
from alphapulse_pipeline.portfolio.queries import queries
from alphapulse_pipeline.portfolio.residuals import Residuals

_SQL = queries("report")

DB = Connection[TupleRow]
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Facts:
    """All figures of the report; lists are empty if there is no data yet."""

    at: datetime
    """When the database was read."""
    currency: str
    total: Row | None
    values: list[Row]
    """The newest value of each account."""
    carried: list[Row]
    """Failed accounts, whose last value is carried."""
    holdings: list[Row]
    unpriced: list[Row]
    pnl_by_month: list[Row]
    pnl_by_asset: list[Row]
    exposure: list[Row]
    leverage: list[Row]
    reconciled: Row
    """How many balances are reconciled, over which time."""
    residuals: Residuals
    accounts: list[Row]
    gaps: list[Row]

    @property
    def pnl(self) -> Decimal | None:
        """Total realized profit and loss; None if no line has a known one."""
        known = [row["pnl"] for row in self.pnl_by_asset if row["pnl"] is not None]
        return sum(known, Decimal(0)) if known else None


def facts(connection: DB) -> Facts:
    """Read all figures in one snapshot of the database."""
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        [now] = _rows(connection, b"SELECT now() AS at")
        values = _rows(connection, _SQL.values)
        [reconciled] = _rows(connection, _SQL.reconciled)
        return Facts(
            at=now["at"],
            currency=currency(connection),
            total=next((row for row in values if row["account"] == ""), None),
            values=[row for row in values if row["account"]],
            carried=_rows(connection, _SQL.carried),
            holdings=_rows(connection, _SQL.holdings),
            unpriced=_rows(connection, _SQL.unpriced),
            pnl_by_month=_rows(connection, _SQL.pnl_by_month),
            pnl_by_asset=_rows(connection, _SQL.pnl_by_asset),
            exposure=_rows(connection, _SQL.exposure),
            leverage=_rows(connection, _SQL.leverage),
            reconciled=reconciled,
            residuals=residuals.find(connection),
            accounts=_rows(connection, _SQL.accounts),
            gaps=_rows(connection, _SQL.gaps),
        )


def _rows(connection: DB, query: bytes) -> list[Row]:
    with connection.cursor(row_factory=dict_row) as cursor:
        return [*cursor.execute(query).fetchall()]
