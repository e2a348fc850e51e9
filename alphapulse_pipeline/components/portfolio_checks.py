"""What must hold of the derived tables: looked at in the step that refreshes them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import dagster as dg
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.health import alerts
from alphapulse_pipeline.portfolio import residuals
from alphapulse_pipeline.warehouse.preview import markdown


@dataclass(frozen=True)
class Finding:
    """How a check stands."""

    passed: bool
    error: str | None = None
    """In a line, where it is more than a warning."""
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class PortfolioCheck:
    """A check of one derived table."""

    table: str
    name: str
    description: str
    look: Callable[[Connection[TupleRow]], Finding]

    def spec(self, key: dg.AssetKey) -> dg.AssetCheckSpec:
        return dg.AssetCheckSpec(self.name, asset=key, description=self.description)

    def result(self, connection: Connection[TupleRow], key: dg.AssetKey) -> dg.AssetCheckResult:
        """As it is now; what is an error is remembered for the alerts."""
        found = self.look(connection)
        alerts.note_check(connection, "portfolio", self.table, self.name, found.error)
        warns = found.error is None
        return dg.AssetCheckResult(
            passed=found.passed,
            asset_key=key,
            check_name=self.name,
            severity=dg.AssetCheckSeverity.WARN if warns else dg.AssetCheckSeverity.ERROR,
            metadata=found.metadata,
        )


def _adds_up(connection: Connection[TupleRow]) -> Finding:
    found = residuals.find(connection)
    shown = {}
    if found.rows:
        names = (
            *("state", "account", "wallet", "asset", "from", "to", "residual", "reason"),
            "suspects",
        )
        shown["residuals"] = dg.MetadataValue.md(markdown(names, [row.cells for row in found.rows]))
    return Finding(
        passed=not found.off and not found.unwitnessed,
        error=str(found.rows[0]) if found.off else None,
        metadata={
            "off": found.off,
            "unwitnessed": found.unwitnessed,
            "pending": found.pending,
            **shown,
        },
    )


_UNPRICED = """
SELECT asset, array_to_string(accounts, ', '), amount FROM portfolio.unpriced
ORDER BY asset LIMIT 20
"""


def _everything_priced(connection: Connection[TupleRow]) -> Finding:
    rows = connection.execute(_UNPRICED).fetchall()
    shown: dict[str, dg.MetadataValue[str]] = {}
    if rows:
        shown["unpriced"] = dg.MetadataValue.md(markdown(("asset", "accounts", "amount"), rows))
        shown["what to do"] = dg.MetadataValue.text(
            "No market that the accounts know of leads from these assets to the reporting currency "
            "in three steps. Choose another currency in defs/portfolio/defs.yaml, or sync prices "
            "of an account whose exchange lists them."
        )
    return Finding(not rows, metadata={"assets without a price": len(rows), **shown})


CHECKS = (
    PortfolioCheck(
        "reconciliation",
        "adds_up",
        "Every balance is explained by its history. An error where it is not, with the window, the "
        "amount and the entries around it; a warning where the exchange tells too little for that.",
        _adds_up,
    ),
    PortfolioCheck(
        "prices",
        "everything_priced",
        "Everything that is held has a price in the reporting currency. A warning names what has "
        "none: it is missing in every value, and never counted as nothing.",
        _everything_priced,
    ),
)
