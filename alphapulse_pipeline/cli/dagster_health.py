"""The doctor's checks of Dagster: code, storage, the daemon, schedules, and stuck runs."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg

from alphapulse_pipeline.cli.automation import (
    DefinitionsDoNotLoad,
    load_definitions,
    problems,
    running_by_default,
)
from alphapulse_pipeline.cli.deployment import lost_runs
from alphapulse_pipeline.cli.workspace import prepare_dagster
from alphapulse_pipeline.health.doctor.database import Server
from alphapulse_pipeline.health.doctor.result import (
    Check,
    Finding,
    Result,
    Status,
    examine,
    failed,
    ok,
    skipped,
    warning,
)

_HEARTBEAT_TIMEOUT = timedelta(minutes=3)
"""The daemon records a heartbeat every half minute."""
_QUEUE_TIMEOUT = timedelta(minutes=15)
"""Longer than a scheduled run takes: how long a run may wait in the queue."""
_START = "start `alphapulse up` and leave it running"
_NO_DATABASE = "the database check failed"


@dataclass
class Deployment:
    server: Server
    home: Path
    tables: bool
    stack: ExitStack
    instance: dg.DagsterInstance = field(init=False)
    wanted: set[str] = field(default_factory=set)
    """The schedules and sensors that are to run; empty if the code does not load."""


def examine_dagster(server: Server, home: Path, *, tables: bool) -> Iterator[Result]:
    """Run the checks of Dagster, without starting any of its processes."""
    with ExitStack() as stack:
        deployment = Deployment(server, home, tables, stack)
        yield from examine("", _CHECKS, deployment)


def _code(deployment: Deployment) -> Finding:
    try:
        loaded = load_definitions()
    except DefinitionsDoNotLoad as error:
        return failed(error.problem, error.fix)
    deployment.wanted = running_by_default(loaded)
    assets, jobs = len(list(loaded.resolve_all_asset_specs())), len(list(loaded.jobs or ()))
    return ok(f"{assets} assets and {jobs} jobs load")


def _storage(deployment: Deployment) -> Finding:
    if not deployment.tables:
        no_database = deployment.server.failure
        reason = f"because {_NO_DATABASE if no_database else 'there are no current tables'}"
        return Finding(Status.SKIPPED, reason, stops=reason)
    prepare_dagster(deployment.home)
    deployment.instance = deployment.stack.enter_context(dg.DagsterInstance.get())
    return ok(f"{deployment.instance.get_runs_count()} runs are stored")


def _daemon(deployment: Deployment) -> Finding:
    statuses = deployment.instance.get_daemon_statuses().values()
    beats = [status.last_heartbeat for status in statuses if status.last_heartbeat]
    if not beats:
        return skipped("the daemon has never run; `alphapulse up` starts it and the schedules")
    last = datetime.fromtimestamp(max(beat.timestamp for beat in beats), UTC)
    if datetime.now(UTC) - last > _HEARTBEAT_TIMEOUT:
        return warning(f"no heartbeat since {last:%Y-%m-%d %H:%M} UTC: no schedule runs", _START)
    if errors := [error for beat in beats for error in beat.errors or ()]:
        return failed(
            f"the daemon is running with an error: {errors[0].message}",
            "read logs/daemon.log in ALPHAPULSE_HOME, then restart `alphapulse up`",
        )
    return ok(f"last heartbeat at {last:%H:%M:%S} UTC")


def _schedules(deployment: Deployment) -> Finding:
    instance = deployment.instance
    states = instance.all_instigator_state()
    if found := list(problems(instance, deployment.wanted)):
        return warning("; ".join(p.message for p in found), "; ".join(p.fix for p in found))
    errors = {
        state.instigator_name: tick.error.message
        for state in states
        for tick in instance.get_ticks(state.instigator_origin_id, state.selector_id, limit=1)
        if tick.error
    }
    if errors:
        return failed(
            f"the last tick of {', '.join(errors)} failed: {next(iter(errors.values()))}",
            "fix that error; the UI lists the ticks under Automation",
        )
    return ok(f"{len(states)} schedules and sensors have run, and none is stopped or waiting")


def _runs(deployment: Deployment) -> Finding:
    if lost := [
        run.run_id[:8] for run in lost_runs(deployment.instance, deployment.server.connected)
    ]:
        return warning(
            f"{', '.join(lost)}: recorded as in progress, but their processes have died",
            "restart `alphapulse up`, which marks them as failed, or terminate them in the UI",
        )
    queued = deployment.instance.get_run_records(
        dg.RunsFilter(
            statuses=[dg.DagsterRunStatus.QUEUED], created_before=datetime.now(UTC) - _QUEUE_TIMEOUT
        )
    )
    if queued:
        return warning(
            f"{len(queued)} have been queued for more than {_QUEUE_TIMEOUT // _MINUTE} minutes",
            f"{_START}; if it is running, look in the UI for the run that blocks them",
        )
    return ok("no run is stuck")


_MINUTE = timedelta(minutes=1)

_CHECKS: tuple[Check[Deployment], ...] = (
    Check("code", _code),
    Check("storage", _storage),
    Check("daemon", _daemon, ("storage",)),
    Check("schedules", _schedules, ("storage",)),
    Check("runs", _runs, ("storage",)),
)
