"""Checks of the derived tables, run in the step that refreshes them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import dagster as dg
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.health import alerts
from alphapulse_pipeline.portfolio import (
    position_reconciliation,
    reconciliation,
    rereads,
    residuals,
)
from alphapulse_pipeline.warehouse.io_manager import table
from alphapulse_pipeline.warehouse.preview import cells


@dataclass(frozen=True)
class Finding:
    """The outcome of a check."""

    passed: bool
    error: str | None = None
    """One line, if the outcome is an error and not only a warning."""
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class PortfolioCheck:
    """A check of one derived table."""

    table: str
    name: str
    description: str
    run: Callable[[Connection[TupleRow]], Finding]

    def spec(self, key: dg.AssetKey) -> dg.AssetCheckSpec:
        return dg.AssetCheckSpec(self.name, asset=key, description=self.description)

    def result(self, connection: Connection[TupleRow], key: dg.AssetKey) -> dg.AssetCheckResult:
        """Run the check, and record an error for the alerts."""
        found = self.run(connection)
        alerts.note_check(connection, "portfolio", self.table, self.name, found.error)
        warns = found.error is None
        return dg.AssetCheckResult(
            passed=found.passed,
            asset_key=key,
            check_name=self.name,
            severity=dg.AssetCheckSeverity.WARN if warns else dg.AssetCheckSeverity.ERROR,
            metadata=found.metadata,
        )


def _reconciled(name: str, connection: Connection[TupleRow]) -> Finding:
    found = residuals.find(connection, of=name)
    shown: dict[str, dg.MetadataValue[Any]] = {}
    if found.rows:
        names = (
            "state",
            "account",
            "balance or position",
            "from",
            "to",
            "residual",
            "reason",
            "likely entries",
            "search",
        )
        shown["residuals"] = table(cells(names, [row.cells for row in found.rows]))
    if explained := rereads.explained(connection, name):
        shown["explained by reading again"] = dg.MetadataValue.text("\n".join(map(str, explained)))
    return Finding(
        passed=not found.breaks and not found.unverifiable,
        error=str(found.rows[0]) if found.breaks else None,
        metadata={**found.counts, **shown},
    )


_UNPRICED = """
SELECT asset, array_to_string(accounts, ', '), amount FROM portfolio.unpriced
ORDER BY asset LIMIT 20
"""


def _all_priced(connection: Connection[TupleRow]) -> Finding:
    rows = connection.execute(_UNPRICED).fetchall()
    shown: dict[str, dg.MetadataValue[Any]] = {}
    if rows:
        shown["unpriced"] = table(cells(("asset", "accounts", "amount"), rows))
        shown["what to do"] = dg.MetadataValue.text(
            "No path of up to three markets leads from these assets to the reporting currency. "
            "Choose a different currency in defs/portfolio/defs.yaml, or sync the prices of an "
            "account whose exchange lists them."
        )
    return Finding(not rows, metadata={"assets without a price": len(rows), **shown})


CHECKS = (
    PortfolioCheck(
        reconciliation.NAME,
        "reconciled",
        "Every balance reconciles with its history. A break is an error and names the window, the "
        "amount and the likely entries; an unverifiable difference, for which the exchange reports "
        "too little, is a warning.",
        partial(_reconciled, reconciliation.NAME),
    ),
    PortfolioCheck(
        position_reconciliation.NAME,
        "positions_reconciled",
        "Every position is the one before plus the fills since. A break is an error and names the "
        "market, the window, the number of contracts and the likely entries: a fill is missing or "
        "stored twice.",
        partial(_reconciled, position_reconciliation.NAME),
    ),
    PortfolioCheck(
        "prices",
        "all_priced",
        "Everything that is held has a price in the reporting currency. A warning names the assets "
        "without one: they are excluded from every value, not counted as zero.",
        _all_priced,
    ),
)
