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
from alphapulse_pipeline.portfolio.residuals import Found

DB = Connection[TupleRow]
Row = Mapping[str, Any]

# The account '' is all of them together.
_VALUES = """
SELECT DISTINCT ON (account) account, at, value, certainty, doubt, carried, unexplained, unpriced,
       state
FROM portfolio.value ORDER BY account, at DESC
"""

_CARRIED = """
SELECT d.account, min(failure.finished_at) AS since,
       (array_agg(failure.error ORDER BY failure.finished_at DESC))[1] AS error
FROM alphapulse.datasets AS d
CROSS JOIN LATERAL (
    SELECT at FROM portfolio.value AS v WHERE v.account = d.account ORDER BY at DESC LIMIT 1
) AS known
JOIN alphapulse.sync_log AS failure
    ON failure.account = d.account AND failure.dataset = 'balances' AND failure.status = 'failed'
    AND failure.finished_at > known.at
WHERE d.dataset = 'balances' AND d.deployed
GROUP BY d.account ORDER BY d.account
"""

_HOLDINGS = """
SELECT account, wallet, asset, kind, amount, price, value, share, captured_at
FROM portfolio.holdings WHERE amount <> 0
ORDER BY value IS NULL, value DESC, account, wallet, asset, kind
"""

_UNPRICED = """
SELECT asset, sum(amount) AS amount, string_agg(DISTINCT account, ', ' ORDER BY account) AS accounts
FROM portfolio.holdings WHERE value IS NULL AND amount <> 0 GROUP BY asset ORDER BY asset
"""

_BY_MONTH = """
SELECT to_char(date_trunc('month', realized_at), 'YYYY-MM') AS month, count(*) AS lines,
       sum(proceeds) AS proceeds, sum(cost) AS cost, sum(pnl) AS pnl,
       count(*) FILTER (WHERE pnl IS NULL) AS unknown
FROM portfolio.realized_pnl GROUP BY 1 ORDER BY 1 DESC
"""

_BY_ASSET = """
SELECT asset, count(*) AS lines, sum(proceeds) AS proceeds, sum(cost) AS cost, sum(pnl) AS pnl,
       count(*) FILTER (WHERE pnl IS NULL) AS unknown
FROM portfolio.realized_pnl GROUP BY asset ORDER BY sum(pnl) DESC NULLS LAST, asset
"""

_EXPOSURE = """
SELECT asset, net, gross, net_value, gross_value, share FROM portfolio.exposure
WHERE account = '' AND asset <> '' ORDER BY gross_value DESC NULLS LAST, asset
"""

_LEVERAGE = """
SELECT account, net_value, gross_value, leverage, liquidation_distance FROM portfolio.exposure
WHERE asset = '' ORDER BY account
"""

_EXPLAINED = """
SELECT count(*) AS windows, min(opened_at) AS first, max(closed_at) AS last
FROM portfolio.reconciliation
"""

_ACCOUNTS = """
SELECT account, min(exchange) AS exchange, max(last_success) AS last_success,
       min(coverage) AS coverage, coalesce(sum(gaps), 0) AS gaps,
       coalesce(sum(unreachable), 0) AS unreachable,
       coalesce(array_agg(dataset || coalesce(': ' || error, '') ORDER BY dataset)
           FILTER (WHERE status = 'failed' OR circuit = 'open'), '{}') AS failed
FROM alphapulse.sync_status WHERE status <> 'unsupported' GROUP BY account ORDER BY account
"""

_GAPS = """
SELECT account, dataset, stream, lower(gap) AS "from", upper(gap) AS "to", reason
FROM alphapulse.coverage_gaps ORDER BY upper(gap) - lower(gap) DESC, account, dataset LIMIT 20
"""


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
        [now] = _rows(connection, "SELECT now() AS at")
        values = _rows(connection, _VALUES)
        [explained] = _rows(connection, _EXPLAINED)
        return Facts(
            at=now["at"],
            currency=currency(connection),
            total=next((row for row in values if row["account"] == ""), None),
            values=[row for row in values if row["account"]],
            carried=_rows(connection, _CARRIED),
            holdings=_rows(connection, _HOLDINGS),
            unpriced=_rows(connection, _UNPRICED),
            pnl_by_month=_rows(connection, _BY_MONTH),
            pnl_by_asset=_rows(connection, _BY_ASSET),
            exposure=_rows(connection, _EXPOSURE),
            leverage=_rows(connection, _LEVERAGE),
            explained=explained,
            residuals=residuals.find(connection),
            accounts=_rows(connection, _ACCOUNTS),
            gaps=_rows(connection, _GAPS),
        )


def _rows(connection: DB, query: str) -> list[Row]:
    with connection.cursor(row_factory=dict_row) as cursor:
        return [*cursor.execute(query.encode()).fetchall()]
