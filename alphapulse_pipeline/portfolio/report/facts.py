"""The figures of the report, exact."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import groupby
from operator import itemgetter
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow, dict_row

from alphapulse_pipeline.portfolio import residuals
from alphapulse_pipeline.portfolio.currency import currency
from alphapulse_pipeline.portfolio.disputes import disputes
from alphapulse_pipeline.portfolio.finality import Realized, realized
from alphapulse_pipeline.portfolio.queries import queries
from alphapulse_pipeline.portfolio.report.performance import Performance, performance
from alphapulse_pipeline.portfolio.report.scope import Scope
from alphapulse_pipeline.portfolio.residuals import Residuals

_SQL = queries("report")
_LOTS = 100
"""How many lots are listed; all are in `portfolio.lots`."""

DB = Connection[TupleRow]
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Facts:
    """All figures of the report; lists are empty if there is no data yet.

    What is only known of now (unrealized profit, lots, exposure) is empty in a past period.
    """

    scope: Scope
    at: datetime
    """When the database was read."""
    currency: str
    total: Row | None
    values: list[Row]
    """The last value of each account, if the report is about all of them."""
    curve: list[Row]
    performance: Performance | None
    carried: list[Row]
    """Failed accounts, whose last value is carried."""
    holdings: list[Row]
    pnl_by_month: list[Row]
    """Newest first, with the months between in which nothing was closed."""
    pnl_by_asset: list[Row]
    unrealized: list[Row]
    lots: list[Row]
    shared_lots: bool
    """All accounts share their lots: one account has no realized profit of its own."""
    flows: list[Row]
    """Deposits and withdrawals, newest first."""
    costs: list[Row]
    """Fees, funding and other entries by month, newest first."""
    exposure: list[Row]
    leverage: list[Row]
    reconciled: Row
    """How many balances are reconciled, over which time."""
    drift: list[Row]
    residuals: Residuals
    disputes: list[str]
    """Prices of what is held on which two sources disagree."""
    accounts: list[Row]
    gaps: list[Row]
    books: list[Row]
    """The exchanges' own totals beside what is read: not the books that are empty."""
    realized: Realized | None
    """How much of the realized profit is final, and why the rest is not."""

    @property
    def pnl(self) -> Decimal | None:
        """Realized profit and loss of the period; None if no line has a known one."""
        return _sum(self.pnl_by_asset, "pnl")

    @property
    def gain(self) -> Decimal | None:
        """Unrealized profit and loss; None if none is known."""
        return _sum(self.unrealized, "gain")

    @property
    def fees(self) -> Decimal | None:
        return _sum(self.costs, "fees")

    @property
    def funding(self) -> Decimal | None:
        return _sum(self.costs, "funding")

    @property
    def deposits(self) -> Decimal | None:
        return _sum([flow for flow in self.flows if flow["amount"] > 0], "value")

    @property
    def withdrawals(self) -> Decimal | None:
        return _sum([flow for flow in self.flows if flow["amount"] < 0], "value")

    @property
    def unpriced(self) -> list[Row]:
        """Assets that are held and have no price: asset, amount, accounts."""
        rows = sorted((row for row in self.holdings if row["value"] is None), key=_ASSET)
        return [
            {
                "asset": asset,
                "amount": sum(row["amount"] for row in group),
                "accounts": ", ".join(sorted({row["account"] for row in group})),
            }
            for asset, group in ((name, list(found)) for name, found in groupby(rows, _ASSET))
        ]

    @property
    def allocation(self) -> list[Row]:
        """Value by asset; None if a part of it has no price."""
        rows = sorted(self.holdings, key=_ASSET)
        return [
            {"asset": asset, "value": None if None in values else sum(values)}
            for asset, values in (
                (name, [row["value"] for row in group]) for name, group in groupby(rows, _ASSET)
            )
        ]


def facts(connection: DB, scope: Scope) -> Facts:
    """Read all figures in one snapshot of the database."""

    def rows(query: bytes) -> list[Row]:
        with connection.cursor(row_factory=dict_row) as cursor:
            found: list[Row] = [*cursor.execute(query, parameters).fetchall()]
            return found

    parameters = {**scope.parameters, "shown": _LOTS}
    now = scope.until is None
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        [read] = rows(b"SELECT now() AS at")
        values = rows(_SQL.values)
        [reconciled] = rows(_SQL.reconciled)
        return Facts(
            scope=scope,
            at=read["at"],
            currency=currency(connection),
            total=next((row for row in values if row["account"] == scope.account), None),
            values=[row for row in values if row["account"] != scope.account],
            curve=rows(_SQL.curve),
            performance=performance(connection, scope),
            carried=rows(_SQL.carried) if now else [],
            holdings=rows(_SQL.holdings if now else _SQL.holdings_then),
            pnl_by_month=rows(_SQL.pnl_by_month),
            pnl_by_asset=rows(_SQL.pnl_by_asset),
            unrealized=rows(_SQL.unrealized) if now else [],
            lots=rows(_SQL.lots) if now else [],
            shared_lots=any(row["across_accounts"] for row in rows(_SQL.shared_lots)),
            flows=rows(_SQL.flows),
            costs=rows(_SQL.costs),
            exposure=rows(_SQL.exposure) if now else [],
            leverage=rows(_SQL.leverage) if now else [],
            reconciled=reconciled,
            drift=rows(_SQL.drift),
            residuals=residuals.find(connection, scope.parameters),
            disputes=disputes(connection, scope.account) if now else [],
            accounts=rows(_SQL.accounts),
            gaps=rows(_SQL.gaps),
            books=rows(_SQL.books) if now else [],
            realized=realized(connection, scope.parameters),
        )


_ASSET = itemgetter("asset")


def _sum(rows: list[Row], name: str) -> Decimal | None:
    known = [row[name] for row in rows if row[name] is not None]
    return sum(known, Decimal(0)) if known else None
