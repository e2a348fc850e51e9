"""The event log stays bounded without anybody configuring it, and the UI shows what it showed."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import dagster as dg
import pytest
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import PythonFileTarget
from dagster_webserver.webserver import DagsterWebserver
from psycopg import Connection
from psycopg.rows import TupleRow
from starlette.testclient import TestClient

from alphapulse_pipeline.components.retention import event_log_retention, summary
from alphapulse_pipeline.definitions import defs
from alphapulse_pipeline.health.event_log import OTHERS, Removed
from alphapulse_pipeline_tests.health import deployment
from alphapulse_pipeline_tests.health.deployment import FAIL, days, run
from alphapulse_pipeline_tests.health.test_event_log import age

ASSETS = """{
  assetNodes {
    assetKey { path }
    staleStatus
    partitionStats { numMaterialized numFailed numPartitions numMaterializing }
    assetMaterializations(limit: 1) { timestamp runId partition metadataEntries { label } }
    latestMaterializationByPartition { timestamp runId partition }
    latestRunForPartition(partition: "2026-01-03") { id status }
    assetPartitionStatuses {
      ... on TimePartitionStatuses { ranges { status startKey endKey } }
    }
    assetChecksOrError {
      ... on AssetChecks { checks {
        name
        executionForLatestMaterialization {
          status runId evaluation { success timestamp } }
      } }
    }
  }
  partitionBackfillsOrError { ... on PartitionBackfills { results { id status } } }
}"""
RUNS = """{ runsOrError { ... on Runs { results {
  id status startTime endTime assetMaterializations { runId partition }
  stats { ... on RunStatsSnapshot { startTime endTime materializations } }
  eventConnection(afterCursor: null) { events { __typename } }
} } } }"""


@pytest.fixture
def ui(instance: dg.DagsterInstance) -> Iterator[TestClient]:
    """The web server, with a code server that has loaded the assets."""
    target = PythonFileTarget(
        python_file=deployment.__file__,
        attribute="definitions",
        working_directory=None,
        location_name="tests",
    )
    with WorkspaceProcessContext(instance, target) as context:
        yield TestClient(DagsterWebserver(context).create_asgi_app())


def ask(ui: TestClient, query: str) -> Any:
    answer = ui.post("/graphql", json={"query": query}).json()
    assert "errors" not in answer, answer
    return answer["data"]


@pytest.fixture
def old_runs(instance: dg.DagsterInstance, db: Connection[TupleRow]) -> None:
    """Each old, one of which nothing leads to any more."""
    jobs: list[tuple[str, dict[str, str]]] = [
        ("make_now", {}),
        ("make_daily", days(1, 4)),
        ("make_now_after", {}),
        ("make_daily", {**days(3, 5), FAIL: "1"}),
    ]
    for name, tags in jobs:
        age(db, run(instance, name, tags), OTHERS + timedelta(hours=1))


def tick(instance: dg.DagsterInstance) -> str | None:
    """What the sensor's next tick says."""
    return event_log_retention.evaluate_tick(dg.build_sensor_context(instance)).skip_message


def test_it_runs_by_default() -> None:
    (sensor,) = [s for s in defs().sensors or () if s.name == "event_log_retention"]
    assert sensor.default_status is dg.DefaultSensorStatus.RUNNING


def test_a_tick_says_what_it_deleted(instance: dg.DagsterInstance, old_runs: None) -> None:
    said = tick(instance)
    assert said is not None
    assert said.startswith("deleted ")
    assert "1 run" in said
    assert tick(instance) == "nothing to delete"


def test_an_event_log_elsewhere_is_left_alone(database: str) -> None:
    with dg.DagsterInstance.ephemeral() as elsewhere:
        said = tick(elsewhere)
    assert said is not None
    assert said.startswith("nothing deleted: Dagster does not store its event log in the database")


def test_what_a_tick_says() -> None:
    assert summary(Removed(12345, 288, 0, 0, 0, True)) == "deleted 12 345 events, 288 runs"
    assert summary(Removed(1, 0, 2, 3, 1, False)) == (
        "deleted 1 event, 2 check results, 3 backfills, 1 automation evaluation; "
        "the next tick continues"
    )
    assert summary(None) == "another process is deleting old events"


def test_the_ui_shows_what_it_showed(
    instance: dg.DagsterInstance, old_runs: None, ui: TestClient
) -> None:
    before = ask(ui, ASSETS)
    nodes = {node["assetKey"]["path"][0]: node for node in before["assetNodes"]}
    daily = nodes["daily"]
    assert daily["partitionStats"]["numFailed"] == 3
    assert daily["latestRunForPartition"]["status"] == "FAILURE"
    (check,) = nodes["now"]["assetChecksOrError"]["checks"]
    assert check["executionForLatestMaterialization"]["status"] == "SUCCEEDED"
    assert tick(instance) != "nothing to delete"
    assert ask(ui, ASSETS) == before
    runs = ask(ui, RUNS)["runsOrError"]["results"]
    assert len(runs) == 3
    for shown in runs:
        assert shown["stats"]["startTime"] == shown["startTime"]
        assert shown["eventConnection"]["events"]


@pytest.mark.parametrize("kind", [InstigatorType.SCHEDULE, InstigatorType.SENSOR])
def test_no_tick_is_kept_for_ever(instance: dg.DagsterInstance, kind: InstigatorType) -> None:
    assert all(0 < days <= 30 for days in instance.get_tick_retention_settings(kind).values())
