"""Schedules and sensors that do not run, on Dagster's own scheduler and a real PostgreSQL."""

import logging
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.remote_origin import InProcessCodeLocationOrigin
from dagster._core.test_utils import create_test_daemon_workspace_context, freeze_time
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import InProcessWorkspaceLoadTarget
from dagster._daemon.sensor import execute_sensor_iteration
from dagster._scheduler.scheduler import launch_scheduled_runs
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.cli import clock
from alphapulse_pipeline.cli.automation import problems, running_by_default, stop_waiting
from alphapulse_pipeline.cli.workspace import prepare_dagster
from alphapulse_pipeline.health.ticks import TOLERANCE, any_not_running
from alphapulse_pipeline_tests.cli import ticking

DB = Connection[TupleRow]
LOGGER = logging.getLogger("test")
WANTED = running_by_default(ticking.defs)
NOW = datetime.now(UTC).replace(second=10, microsecond=0)
AHEAD = NOW + timedelta(hours=3)
"""What the clock said before it was set back to `NOW`."""


@pytest.fixture
def workspace(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[WorkspaceProcessContext]:
    """The deployment of `ticking`, whose daemon is this test."""
    monkeypatch.setenv("DAGSTER_HOME", "")
    monkeypatch.setenv("DAGSTER_DISABLE_TELEMETRY", "1")
    prepare_dagster(tmp_path)
    target = LoadableTargetOrigin(
        executable_path=sys.executable, module_name=ticking.__name__, attribute="defs"
    )
    origin = InProcessCodeLocationOrigin(target, location_name="ticking")
    with (
        dg.DagsterInstance.get() as instance,
        create_test_daemon_workspace_context(
            InProcessWorkspaceLoadTarget(origin), instance
        ) as context,
    ):
        yield context


def run_daemon(workspace: WorkspaceProcessContext, at: datetime) -> None:
    """What a daemon that has just been started does at that time."""
    with freeze_time(at):
        list(launch_scheduled_runs(workspace, LOGGER, end_datetime_utc=at, iteration_times={}))
        list(
            execute_sensor_iteration(
                workspace, LOGGER, threadpool_executor=None, submit_threadpool_executor=None
            )
        )


def ticks(db: DB, kind: str) -> int:
    [(count,)] = db.execute(
        "SELECT count(*) FROM public.job_ticks WHERE type = %s", [kind]
    ).fetchall()
    return int(count)


def counts(db: DB) -> tuple[int, int]:
    return ticks(db, "SCHEDULE"), ticks(db, "SENSOR")


@pytest.fixture
def set_back(workspace: WorkspaceProcessContext, db: DB) -> tuple[int, int]:
    """The ticks of a daemon that ran while the clock was ahead."""
    for minutes in (0, 1, 2, 3):
        run_daemon(workspace, AHEAD + timedelta(minutes=minutes))
    before = counts(db)
    assert before == (3, 4)
    return before


def restart_by_hand(workspace: WorkspaceProcessContext) -> None:
    """Stop and start the schedule, as in the web UI."""
    [location] = workspace.create_request_context().code_locations
    [repository] = location.get_repositories().values()
    schedule = repository.get_schedule("every_minute")
    with freeze_time(NOW):
        workspace.instance.stop_schedule(
            schedule.get_remote_origin_id(), schedule.selector_id, schedule
        )
        workspace.instance.start_schedule(schedule)


def test_after_a_clock_was_set_back_schedules_run_once_their_future_ticks_are_deleted(
    workspace: WorkspaceProcessContext, db: DB, set_back: tuple[int, int]
) -> None:
    restart_by_hand(workspace)
    for minutes in (0, 2):
        run_daemon(workspace, NOW + timedelta(minutes=minutes))
    assert counts(db) == set_back, "Dagster has changed: it runs without our help"

    done = stop_waiting(workspace.instance, db, NOW)
    assert done is not None
    assert done.startswith("every_minute, looking: Dagster had recorded ticks up to")
    assert counts(db) == (0, 0)
    for minutes in (1, 2):
        run_daemon(workspace, NOW + timedelta(minutes=minutes))
    assert counts(db) == (2, 2)
    [looking] = [
        state.sensor_instigator_data
        for state in workspace.instance.all_instigator_state()
        if state.instigator_name == "looking"
    ]
    assert looking is not None
    assert looking.cursor == "seen"
    assert stop_waiting(workspace.instance, db, NOW + timedelta(minutes=3)) is None
    assert counts(db) == (2, 2)


def test_schedules_that_wait_for_the_future_are_named_with_the_fix(
    workspace: WorkspaceProcessContext, db: DB, set_back: tuple[int, int]
) -> None:
    assert any_not_running(db, NOW + TOLERANCE)
    [found] = problems(workspace.instance, WANTED)
    assert found.message.startswith("every_minute, looking: ")
    assert f"up to {AHEAD + timedelta(minutes=3):%Y-%m-%d %H:%M} UTC" in found.message
    assert "restart `alphapulse up`" in found.fix
    assert not any_not_running(db, AHEAD + timedelta(hours=1))


def test_a_schedule_without_ticks_waits_as_well(
    workspace: WorkspaceProcessContext, db: DB, set_back: tuple[int, int]
) -> None:
    """A daily one may have had none while the clock was ahead."""
    db.execute("DELETE FROM public.job_ticks")
    run_daemon(workspace, NOW + timedelta(minutes=2))
    assert counts(db) == (0, 0)
    assert any_not_running(db, NOW + TOLERANCE)
    assert stop_waiting(workspace.instance, db, NOW)
    run_daemon(workspace, NOW + timedelta(minutes=2))
    assert counts(db) == (1, 1)


def test_only_what_the_deployment_wants_running_counts_as_stopped(
    workspace: WorkspaceProcessContext, db: DB
) -> None:
    run_daemon(workspace, NOW)
    assert not any_not_running(db, NOW + TOLERANCE)
    assert list(problems(workspace.instance, WANTED)) == []
    [location] = workspace.create_request_context().code_locations
    [repository] = location.get_repositories().values()
    for name in ("resting", "every_minute"):
        schedule = repository.get_schedule(name)
        workspace.instance.start_schedule(schedule)
        workspace.instance.stop_schedule(
            schedule.get_remote_origin_id(), schedule.selector_id, schedule
        )
    assert any_not_running(db, NOW + TOLERANCE)
    [found] = problems(workspace.instance, WANTED)
    assert found.message.startswith("every_minute: stopped")
    assert "Automation" in found.fix


def test_before_dagster_has_run_nothing_is_stopped(db: DB) -> None:
    assert not any_not_running(db, NOW)


def test_a_clock_that_is_set_back_is_noticed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    real = time.time
    watched = clock.Clock()
    for offset, seconds in ((0, 0), (7200, 0), (7199, 0), (10, 7189), (10, 0), (-1, 0)):
        monkeypatch.setattr(time, "time", lambda offset=offset: real() + offset)
        assert round(watched.set_back()) == seconds
