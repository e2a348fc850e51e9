"""The assets of what is derived."""

from typing import Any

import dagster as dg
import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.components.portfolio import portfolio_definitions
from alphapulse_pipeline.portfolio.tables import DERIVED
from alphapulse_pipeline.settings.portfolio import PortfolioSettings
from alphapulse_pipeline_tests.portfolio import example

PICTURED = [derived.name for derived in DERIVED if derived.picture]


@pytest.fixture
def held(db: Connection[TupleRow]) -> None:
    example.fill(db)


def materialized(instance: dg.DagsterInstance, name: str) -> dict[str, Any]:
    """What a table's materialisation tells."""
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
