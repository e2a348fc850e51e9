"""What holds once the recipe "Add a derived table" was followed: test_recipes runs it on a copy."""

from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.components.portfolio import portfolio_definitions
from alphapulse_pipeline.settings.accounts import Account
from alphapulse_pipeline.settings.portfolio import PortfolioSettings
from alphapulse_pipeline.warehouse.export import to_csv
from alphapulse_pipeline_tests.sync.truth import sync_all
from exchange_simulator import Simulator


@pytest.fixture
def account(simulator: Simulator, make_account: Callable[..., Account]) -> Account:
    return make_account(simulator.url, datasets=["trades"])


def test_it_is_calculated_shown_and_exported(
    account: Account, database: str, db: Connection[TupleRow], tmp_path: Path
) -> None:
    sync_all(account, database)
    definitions = portfolio_definitions([account], PortfolioSettings())
    [spec] = [
        spec
        for spec in definitions.resolve_all_asset_specs()
        if spec.key.path == ["portfolio", "fees_by_market"]
    ]
    assert spec.description == "What trading cost per market: fills, volume and fees."
    assets = [a for a in definitions.assets or () if isinstance(a, dg.AssetsDefinition)]
    for _ in range(2):  # a second refresh replaces the rows
        result = dg.materialize(
            assets,
            selection=dg.AssetSelection.assets(spec.key),
            resources=definitions.resources,
        )
        assert result.success
    [event] = result.get_asset_materialization_events()
    metadata = event.materialization.metadata
    columns = metadata["dagster/column_schema"].value.columns  # type: ignore[union-attr]
    assert {c.name: c.description for c in columns}["fees"] == "Fees paid, less rebates."

    found = db.execute(
        "SELECT account, market, fills FROM portfolio.fees_by_market ORDER BY market, fee_currency"
    ).fetchall()
    expected = db.execute(
        "SELECT account, market, count(*) FROM alphapulse.trades"
        " GROUP BY account, market, fee_currency ORDER BY market, fee_currency"
    ).fetchall()
    assert found == expected != []
    file = tmp_path / "fees.csv"
    with file.open("wb") as out:
        to_csv(db, "SELECT * FROM portfolio.fees_by_market", out)
    assert len(file.read_text().splitlines()) == len(found) + 1
