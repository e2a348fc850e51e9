"""What the report tells, as exact numbers."""

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
from alphapulse_pipeline.portfolio.residuals import Found

_SQL = queries("report")

DB = Connection[TupleRow]
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Facts:
    """Everything of the report; lists are empty where there is nothing yet."""

    at: datetime
    """When the database was asked."""
    currency: str
    total: Row | None
    values: list[Row]
    """The newest value of each account."""
    carried: list[Row]
    """Accounts whose value has stood still since a time."""
    holdings: list[Row]
    unpriced: list[Row]
    pnl_by_month: list[Row]
    pnl_by_asset: list[Row]
    exposure: list[Row]
    leverage: list[Row]
    explained: Row
    residuals: Found
    accounts: list[Row]
    gaps: list[Row]

    @property
    def pnl(self) -> Decimal | None:
        """All that was realised."""
        known = [row["pnl"] for row in self.pnl_by_asset if row["pnl"] is not None]
        return sum(known, Decimal(0)) if known else None


def facts(connection: DB) -> Facts:
    """What stands in the tables, at one moment."""
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        [now] = _rows(connection, b"SELECT now() AS at")
        values = _rows(connection, _SQL.values)
        [explained] = _rows(connection, _SQL.explained)
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
            explained=explained,
            residuals=residuals.find(connection),
            accounts=_rows(connection, _SQL.accounts),
            gaps=_rows(connection, _SQL.gaps),
        )


def _rows(connection: DB, query: bytes) -> list[Row]:
    with connection.cursor(row_factory=dict_row) as cursor:
        return [*cursor.execute(query).fetchall()]
