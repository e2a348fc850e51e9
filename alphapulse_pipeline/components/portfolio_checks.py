"""What must hold of the derived tables."""

import dagster as dg

from alphapulse_pipeline.health import alerts
from alphapulse_pipeline.portfolio import residuals
from alphapulse_pipeline.settings.environment import postgres_url
from alphapulse_pipeline.warehouse.connection import connect
from alphapulse_pipeline.warehouse.preview import markdown
from alphapulse_pipeline.warehouse.schema import require_current


def portfolio_checks() -> list[dg.AssetChecksDefinition]:
    return [_adds_up, _everything_priced]


@dg.asset_check(
    asset=["portfolio", "reconciliation"],
    name="adds_up",
    description="Every balance is explained by its history. An error where it is not, with the "
    "window, the amount and the entries around it; a warning where the exchange tells too little "
    "for that.",
)
def _adds_up() -> dg.AssetCheckResult:
    with connect(postgres_url()) as connection:
        require_current(connection)
        found = residuals.find(connection)
        worst = found.rows[0] if found.rows else None
        off = worst is not None and worst.state == "off"
        alerts.note_check(
            connection, "portfolio", "reconciliation", "adds_up", str(worst) if off else None
        )
    shown = {}
    if found.rows:
        names = (
            "state",
            "account",
            "wallet",
            "asset",
            "from",
            "to",
            "residual",
            "reason",
            "suspects",
        )
        shown["residuals"] = dg.MetadataValue.md(markdown(names, [row.cells for row in found.rows]))
    return dg.AssetCheckResult(
        passed=not found.off and not found.unwitnessed,
        severity=dg.AssetCheckSeverity.ERROR if found.off else dg.AssetCheckSeverity.WARN,
        metadata={
            "off": found.off,
            "unwitnessed": found.unwitnessed,
            "pending": found.pending,
            **shown,
        },
    )


@dg.asset_check(
    asset=["portfolio", "prices"],
    name="everything_priced",
    description="Everything that is held has a price in the reporting currency. A warning names "
    "what has none: it is missing in every value, and never counted as nothing.",
)
def _everything_priced() -> dg.AssetCheckResult:
    with connect(postgres_url()) as connection:
        require_current(connection)
        rows = connection.execute(
            "SELECT asset, array_to_string(accounts, ', '), amount FROM portfolio.unpriced"
            " ORDER BY asset LIMIT 20"
        ).fetchall()
    shown: dict[str, dg.MetadataValue[str]] = {}
    if rows:
        shown["unpriced"] = dg.MetadataValue.md(markdown(("asset", "accounts", "amount"), rows))
        shown["what to do"] = dg.MetadataValue.text(
            "No market that the accounts know of leads from these assets to the reporting currency "
            "in three steps. Choose another currency in defs/portfolio/defs.yaml, or sync prices "
            "of an account whose exchange lists them."
        )
    return dg.AssetCheckResult(
        passed=not rows,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"assets without a price": len(rows), **shown},
    )
