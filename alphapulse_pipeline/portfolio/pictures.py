"""The charts of the derived tables; None if there is nothing to draw."""

from collections.abc import Sequence
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow, dict_row

from alphapulse_pipeline.portfolio import charts
from alphapulse_pipeline.portfolio.charts import Spec
from alphapulse_pipeline.portfolio.queries import queries

_SQL = queries("pictures")

DB = Connection[TupleRow]


def equity(connection: DB, currency: str) -> Spec | None:
    rows = _rows(connection, _SQL.value)
    return charts.equity(rows, currency) if rows else None


def value_daily(connection: DB, currency: str) -> Spec | None:
    rows = _rows(connection, _SQL.value_daily)
    return charts.equity(rows, currency) if rows else None


def allocation(connection: DB, currency: str) -> Spec | None:
    rows = _rows(connection, _SQL.allocation)
    return charts.allocation(rows, currency) if rows else None


def pnl_by_month(connection: DB, currency: str) -> Spec | None:
    rows = _rows(connection, _SQL.pnl_by_month)
    return charts.pnl_by_month(rows, currency) if rows else None


def pnl_by_asset(connection: DB, currency: str) -> Spec | None:
    rows = _rows(connection, _SQL.pnl_by_asset)
    return charts.pnl_by_asset(rows, currency) if rows else None


def exposure(connection: DB, currency: str) -> Spec | None:
    rows = _rows(connection, _SQL.exposure)
    return charts.exposure(rows, currency) if rows else None


def residual_drift(connection: DB, currency: str) -> Spec | None:
    [span] = _rows(connection, _SQL.reconciled_span)
    if span["first"] is None:
        return None
    rows = _rows(connection, _SQL.residuals)
    return charts.residual_drift(rows, (span["first"], span["last"]), currency)


def _rows(connection: DB, query: bytes) -> Sequence[dict[str, Any]]:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query).fetchall()
