"""The assets of the derived tables."""

from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.components import portfolio
from alphapulse_pipeline.components.portfolio import portfolio_definitions
from alphapulse_pipeline.portfolio import queries
from alphapulse_pipeline.portfolio.query_table import from_query
from alphapulse_pipeline.portfolio.tables import DERIVED
from alphapulse_pipeline.settings.portfolio import PortfolioSettings
from alphapulse_pipeline_tests.portfolio import example
from alphapulse_pipeline_tests.portfolio.test_query_table import DESCRIPTION, FILE

PICTURED = [derived.name for derived in DERIVED if derived.picture]


@pytest.fixture
def held(db: Connection[TupleRow]) -> None:
    example.fill(db)


def materialized(instance: dg.DagsterInstance, name: str) -> dict[str, Any]:
    """The metadata of a table's materialization."""
    job = portfolio_definitions([], PortfolioSettings()).resolve_job_def("portfolio")
    key = dg.AssetKey(["portfolio", name])
    done = job.execute_in_process(instance=instance, asset_selection=[key])
    [event] = done.asset_materializations_for_node(f"portfolio__{name}")
    return dict(event.metadata)


@pytest.mark.usefixtures("held")
@pytest.mark.parametrize("name", PICTURED)
def test_a_materialization_shows_a_picture(instance: dg.DagsterInstance, name: str) -> None:
    picture = materialized(instance, name)["picture"]
    assert isinstance(picture, dg.MarkdownMetadataValue)
    assert str(picture.value).startswith("![")
    assert len(str(picture.value)) < 200_000


@pytest.mark.parametrize("name", PICTURED)
def test_where_nothing_was_synced_there_is_nothing_to_show(
    instance: dg.DagsterInstance, name: str
) -> None:
    assert "picture" not in materialized(instance, name)


@pytest.fixture
def one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A SQL file, and a line in `tables`."""
    (tmp_path / "profit_by_asset.sql").write_text(FILE)
    monkeypatch.setattr(queries, "FOLDER", tmp_path)
    table = from_query("profit_by_asset", follows=("realized_pnl",))
    monkeypatch.setattr(portfolio, "DERIVED", (*DERIVED, table))


@pytest.mark.usefixtures("held", "one_line")
def test_a_table_of_one_query_is_an_asset_like_the_others(instance: dg.DagsterInstance) -> None:
    metadata = materialized(instance, "profit_by_asset")
    assert metadata["dagster/row_count"].value == 3
    schema = metadata["dagster/column_schema"].value
    assert isinstance(schema, dg.TableSchema)
    assert [(c.name, c.type, c.description) for c in schema.columns] == [
        ("asset", "text", "The asset's name."),
        ("profit", "numeric", "Proceeds less cost, in the reporting currency."),
    ]
    preview = metadata["preview"]
    assert isinstance(preview, dg.TableMetadataValue)
    assert "BTC" in {record.data["asset"] for record in preview.records}
    graph = portfolio_definitions([], PortfolioSettings()).resolve_asset_graph()
    node = graph.get(dg.AssetKey(["portfolio", "profit_by_asset"]))
    assert node.description == DESCRIPTION
    assert node.parent_keys == {dg.AssetKey(["portfolio", "realized_pnl"])}
