"""The doctor's checks of Dagster: storage, daemon, schedules, and stuck runs."""

import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.remote_origin import RemoteJobOrigin
from dagster._daemon.types import DaemonHeartbeat
from dagster_shared.error import SerializableErrorInfo
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.cli import automation
from alphapulse_pipeline.cli.dagster_health import examine_dagster
from alphapulse_pipeline.cli.workspace import prepare_dagster
from alphapulse_pipeline.health.doctor.database import Server
from alphapulse_pipeline.health.doctor.result import Result, Status
from alphapulse_pipeline.settings.errors import SettingsError
from alphapulse_pipeline.warehouse.connection import account_lock, connect
from alphapulse_pipeline_tests.cli.stopped import REPOSITORY, stopped_schedule

DB = Connection[TupleRow]


@pytest.fixture
def home(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    # put back at the end: the doctor sets them for its own process
    monkeypatch.setenv("DAGSTER_HOME", "")
    monkeypatch.setenv("DAGSTER_DISABLE_TELEMETRY", "1")
    prepare_dagster(tmp_path)
    return tmp_path


@pytest.fixture
def instance(home: Path) -> Iterator[dg.DagsterInstance]:
    """Of the deployment that is examined."""
    with dg.DagsterInstance.get() as found:
        yield found


def examined(db: DB | None, home: Path, *, tables: bool = True) -> dict[str, Result]:
    failure = None if db else SettingsError("the database is not available", "start it")
    server = Server("", db, failure, None)
    found = examine_dagster(server, home, tables=tables and db is not None)
    return {result.check: result for result in found}


def test_nothing_is_wrong_where_nothing_was_ever_started(db: DB, home: Path) -> None:
    found = examined(db, home)
    assert found.pop("daemon").status is Status.SKIPPED
    assert {result.status for result in found.values()} == {Status.OK}, found
    assert found["code"].message == "24 assets and 4 jobs load"


def test_without_a_database_only_the_code_is_checked(home: Path) -> None:
    found = examined(None, home)
    assert found["code"].status is Status.OK
    others = [result.message for check, result in found.items() if check != "code"]
    assert others == ["because the database check failed"] * 4


def test_definitions_that_do_not_load_say_why(
    db: DB, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise ValueError("a custom component")

    monkeypatch.setattr(automation, "defs", fail)
    found = examined(db, home)["code"]
    assert found.status is Status.FAILED
    assert "ValueError: a custom component" in found.message
    assert "dg check defs" in found.fix


def heard(instance: dg.DagsterInstance, ago: float, error: str = "") -> None:
    errors = [SerializableErrorInfo(error, [], "Error")] if error else []
    instance.add_daemon_heartbeat(DaemonHeartbeat(time.time() - ago, "SCHEDULER", "id", errors))


def test_a_daemon_that_runs_fails_or_has_stopped(
    db: DB, home: Path, instance: dg.DagsterInstance
) -> None:
    heard(instance, 10)
    assert examined(db, home)["daemon"].status is Status.OK
    heard(instance, 10, "no space left on device")
    found = examined(db, home)["daemon"]
    assert found.status is Status.FAILED
    assert "no space left on device" in found.message
    heard(instance, 3600)
    found = examined(db, home)["daemon"]
    assert found.status is Status.WARNING
    assert "no schedule runs" in found.message
    assert "alphapulse up" in found.fix


def test_a_schedule_that_was_stopped_by_hand_is_a_warning(
    db: DB, home: Path, instance: dg.DagsterInstance
) -> None:
    instance.add_instigator_state(stopped_schedule("bybit_history"))
    found = examined(db, home)["schedules"]
    assert found.status is Status.WARNING
    assert "bybit_history: stopped" in found.message
    assert "Automation" in found.fix


def run_of(instance: dg.DagsterInstance, status: dg.DagsterRunStatus) -> dg.DagsterRun:
    @dg.job
    def bybit_history() -> None: ...

    return instance.create_run_for_job(
        bybit_history,
        status=status,
        tags={"alphapulse/account": "bybit"},
        remote_job_origin=RemoteJobOrigin(REPOSITORY, "bybit_history"),
    )


def test_a_run_whose_process_has_died_is_reported_and_a_live_one_is_not(
    database: str, db: DB, home: Path, instance: dg.DagsterInstance
) -> None:
    run = run_of(instance, dg.DagsterRunStatus.STARTED)
    with connect(database) as other, account_lock(other, "bybit"):
        assert examined(db, home)["runs"].status is Status.OK
    found = examined(db, home)["runs"]
    assert found.status is Status.WARNING
    assert run.run_id[:8] in found.message
    assert "alphapulse up" in found.fix


def test_a_run_that_is_queued_for_long_is_reported(
    db: DB, home: Path, instance: dg.DagsterInstance
) -> None:
    run_of(instance, dg.DagsterRunStatus.QUEUED)
    assert examined(db, home)["runs"].status is Status.OK
    db.execute("UPDATE public.runs SET create_timestamp = create_timestamp - interval '1 hour'")
    found = examined(db, home)["runs"]
    assert found.status is Status.WARNING
    assert "1 have been queued" in found.message
