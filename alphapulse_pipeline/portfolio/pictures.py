"""The charts of what stands in the database; None where there is nothing to draw."""

from collections.abc import Sequence
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow, dict_row

from alphapulse_pipeline.portfolio import charts
from alphapulse_pipeline.portfolio.charts import Spec

DB = Connection[TupleRow]

# As many points as a chart can show: the last one of each stretch of time, with its worst doubt.
_VALUE = """
WITH span AS (
    SELECT greatest((max(at) - min(at)) / 400, interval '1 second') AS step, min(at) AS first
    FROM portfolio.value WHERE account = ''
)
SELECT DISTINCT ON (date_bin(step, at, first)) at, value, certainty, state,
       max(doubt) OVER (PARTITION BY date_bin(step, at, first)) AS doubt
FROM portfolio.value, span WHERE account = '' ORDER BY date_bin(step, at, first), at DESC
"""

_ALLOCATION = """
SELECT asset, CASE WHEN bool_and(value IS NOT NULL) THEN sum(value) END AS value
FROM portfolio.holdings GROUP BY asset HAVING bool_or(amount <> 0)
"""

_BY_MONTH = """
WITH months AS (
    SELECT date_trunc('month', realized_at) AS month, sum(pnl) AS pnl
    FROM portfolio.realized_pnl WHERE pnl IS NOT NULL GROUP BY 1
)
SELECT month, coalesce(months.pnl, 0) AS pnl
FROM (SELECT generate_series(min(month), max(month), interval '1 month') AS month FROM months) AS m
LEFT JOIN months USING (month) ORDER BY month
"""

_BY_ASSET = """
SELECT asset, sum(pnl) AS value FROM portfolio.realized_pnl WHERE pnl IS NOT NULL GROUP BY asset
"""

_EXPOSURE = """
SELECT asset, net_value, gross_value FROM portfolio.exposure WHERE account = '' AND asset <> ''
"""

_RESIDUALS = """
SELECT account, wallet, asset, closed_at AS at,
       residual * portfolio.price_at(asset, closed_at) AS value
FROM portfolio.reconciliation WHERE state IN ('off', 'unwitnessed') ORDER BY closed_at
"""

_RECONCILED = """
SELECT min(opened_at) AS first, max(closed_at) AS last FROM portfolio.reconciliation
"""


def equity(connection: DB, currency: str) -> Spec | None:
    rows = _rows(connection, _VALUE)
    return charts.equity(rows, currency) if rows else None


def allocation(connection: DB, currency: str) -> Spec | None:
    rows = _rows(connection, _ALLOCATION)
    return charts.allocation(rows, currency) if rows else None


def pnl_by_month(connection: DB, currency: str) -> Spec | None:
    rows = _rows(connection, _BY_MONTH)
    return charts.pnl_by_month(rows, currency) if rows else None


def pnl_by_asset(connection: DB, currency: str) -> Spec | None:
    rows = _rows(connection, _BY_ASSET)
    return charts.pnl_by_asset(rows, currency) if rows else None


def exposure(connection: DB, currency: str) -> Spec | None:
    rows = _rows(connection, _EXPOSURE)
    return charts.exposure(rows, currency) if rows else None


def residual_drift(connection: DB, currency: str) -> Spec | None:
    [span] = _rows(connection, _RECONCILED)
    if span["first"] is None:
        return None
    rows = _rows(connection, _RESIDUALS)
    return charts.residual_drift(rows, (span["first"], span["last"]), currency)


def _rows(connection: DB, query: str) -> Sequence[dict[str, Any]]:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query.encode()).fetchall()
