"""What is wrong with Dagster: its storage, the daemon, schedules, and runs that stand still."""

import warnings
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg

from alphapulse_pipeline.cli.deployment import lost_runs
from alphapulse_pipeline.cli.workspace import prepare_dagster
from alphapulse_pipeline.definitions import defs
from alphapulse_pipeline.health.doctor.database import Server
from alphapulse_pipeline.health.doctor.result import (
    Check,
    Finding,
    Result,
    Status,
    broken,
    examine,
    ok,
    skipped,
    warning,
)
from alphapulse_pipeline.settings.redaction import redact

_SILENCE = timedelta(minutes=3)
"""The daemon is heard every half minute."""
_LONG = timedelta(minutes=15)
"""Longer than a scheduled run takes, for one that waits in the queue."""
_START = "start `alphapulse up` and leave it running"


@dataclass
class Deployment:
    server: Server
    home: Path
    tables: bool
    files_read: bool
    """Whether every account's file could be read."""
    stack: ExitStack
    instance: dg.DagsterInstance = field(init=False)


def examine_dagster(
    server: Server, home: Path, *, tables: bool, files_read: bool
) -> Iterator[Result]:
    """Dagster's checks, without starting anything of it."""
    with ExitStack() as stack:
        deployment = Deployment(server, home, tables, files_read, stack)
        yield from examine("", _CHECKS, deployment)


def _code(deployment: Deployment) -> Finding:
    if not deployment.files_read:
        return skipped("because settings failed")
    try:
        with warnings.catch_warnings():  # Dagster's own about its betas
            warnings.simplefilter("ignore")
            loaded = defs()
            dg.Definitions.validate_loadable(loaded)
        assets, jobs = len(list(loaded.resolve_all_asset_specs())), len(list(loaded.jobs or ()))
    except Exception as error:  # noqa: BLE001  whatever a user's own component raises
        # redacted whole, then cut: half a secret would be found by nobody
        return broken(
            f"the definitions do not load: {type(error).__name__}: {redact(str(error))[:300]}",
            "run `dg check defs` for the whole story",
        )
    return ok(f"{assets} assets and {jobs} jobs load")


def _storage(deployment: Deployment) -> Finding:
    if not deployment.tables:
        no_database = deployment.server.failure
        said = f"because {'database failed' if no_database else 'there are no current tables'}"
        return Finding(Status.SKIPPED, said, stops=said)
    prepare_dagster(deployment.home)
    deployment.instance = deployment.stack.enter_context(dg.DagsterInstance.get())
    return ok(f"{deployment.instance.get_runs_count()} runs are kept")


def _daemon(deployment: Deployment) -> Finding:
    told = [s.last_heartbeat for s in deployment.instance.get_daemon_statuses().values()]
    heard = [heartbeat for heartbeat in told if heartbeat]
    if not heard:
        return skipped("it has never run here: schedules begin with `alphapulse up`")
    last = datetime.fromtimestamp(max(beat.timestamp for beat in heard), UTC)
    if datetime.now(UTC) - last > _SILENCE:
        said = f"not heard since {last:%Y-%m-%d %H:%M} UTC: no schedule runs"
        return warning(said, _START)
    if errors := [error for beat in heard for error in beat.errors or ()]:
        return broken(f"it runs, and fails: {errors[0].message}", f"see its log; else {_START}")
    return ok(f"last heard at {last:%H:%M:%S} UTC")


def _schedules(deployment: Deployment) -> Finding:
    instance = deployment.instance
    states = instance.all_instigator_state()
    if stopped := [s.instigator_name for s in states if s.status.value == "STOPPED"]:
        return warning(
            f"{', '.join(stopped)}: stopped by hand",
            "start them in the UI, under Automation, if that was not meant",
        )
    failed = {
        state.instigator_name: tick.error.message
        for state in states
        for tick in instance.get_ticks(state.instigator_origin_id, state.selector_id, limit=1)
        if tick.error
    }
    if failed:
        return broken(
            f"the last tick of {', '.join(failed)} failed: {next(iter(failed.values()))}",
            "mend what it names; the ticks themselves are in the UI, under Automation",
        )
    return ok(f"{len(states)} are known to the daemon, none is stopped")


def _runs(deployment: Deployment) -> Finding:
    if lost := [run.run_id[:8] for run in lost_runs(deployment.instance, deployment.server.there)]:
        return warning(
            f"{', '.join(lost)}: under way, it is said, but nobody is at it (killed?)",
            "`alphapulse up` ends them when it starts; else terminate them in the UI",
        )
    queued = deployment.instance.get_run_records(
        dg.RunsFilter(
            statuses=[dg.DagsterRunStatus.QUEUED], created_before=datetime.now(UTC) - _LONG
        )
    )
    if queued:
        return warning(
            f"{len(queued)} have waited in the queue for more than {_LONG // _MINUTE} minutes",
            f"{_START}; where it runs, see in the UI which run is before them",
        )
    return ok("none stands still")


_MINUTE = timedelta(minutes=1)

_CHECKS: tuple[Check[Deployment], ...] = (
    Check("code", _code),
    Check("storage", _storage),
    Check("daemon", _daemon, ("storage",)),
    Check("schedules", _schedules, ("storage",)),
    Check("runs", _runs, ("storage",)),
)
