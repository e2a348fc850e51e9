"""Runs that `up` starts first, and runs that are lost because their process died."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import dagster as dg
import psutil
from dagster_graphql import DagsterGraphQLClient, DagsterGraphQLClientError
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.cli import automation, output
from alphapulse_pipeline.cli.runs import PROCESS
from alphapulse_pipeline.cli.workspace import Workspace
from alphapulse_pipeline.components.jobs import ACCOUNT
from alphapulse_pipeline.components.schedules import open_circuit, tick
from alphapulse_pipeline.datasets import HISTORIES, SNAPSHOTS
from alphapulse_pipeline.sync.session import supported
from alphapulse_pipeline.warehouse.connection import account_is_busy, connect

_IN_PROGRESS = [
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


class NotStarted(Exception):
    """The web UI did not accept a run. Its text is one sentence."""


def end_lost_runs(place: Workspace, older_than: timedelta = timedelta()) -> list[str]:
    """Mark every lost run as failed; returns their ids."""
    ended = []
    with dg.DagsterInstance.get() as instance, connect(place.url) as connection:
        for run in lost_runs(instance, connection, older_than):
            instance.report_run_failed(run, "The run's process was killed.")
            ended.append(run.run_id)
    return ended


def lost_runs(
    instance: dg.DagsterInstance,
    connection: Connection[TupleRow],
    older_than: timedelta = timedelta(),
) -> Iterator[dg.DagsterRun]:
    """Runs that are recorded as in progress while no process holds their account's lock.

    Excluded are runs of a live `alphapulse sync`, which may be waiting for the lock, and runs that
    changed within `older_than`, which may not have taken the lock yet.
    """
    now = datetime.now(UTC)
    for record in instance.get_run_records(dg.RunsFilter(statuses=_IN_PROGRESS)):
        run = record.dagster_run
        account = run.tags.get(ACCOUNT)
        if psutil.pid_exists(int(run.tags.get(PROCESS, -1))):
            continue
        # a time in the future is of a clock that was ahead
        if abs(now - record.update_timestamp.replace(tzinfo=UTC)) < older_than:
            continue
        if account is None or not account_is_busy(connection, account):
            yield run


def prepare_schedules(place: Workspace) -> Iterator[str]:
    """Let schedules run that wait for a time in the future, before the daemon starts.

    Yields what was done, and which schedules and sensors are stopped and stay so.
    """
    with dg.DagsterInstance.get() as instance, connect(place.url) as connection:
        if done := automation.stop_waiting(instance, connection, datetime.now(UTC)):
            yield done
        yield from automation.not_running(instance)


def first_runs(place: Workspace, host: str, port: int) -> Iterator[str]:
    """Start every job of every account that has credentials, the snapshots of all accounts before
    any history; yields the jobs' names.

    Raises `NotStarted` if the web UI refuses or does not answer.
    """
    ready = []
    for account in place.accounts:
        if account.environment.missing():
            continue
        if reason := open_circuit(account):
            output.warn(reason)
            continue
        ready.append(account)
    for kind in ("snapshot", "history", "catch_up"):
        datasets = SNAPSHOTS if kind == "snapshot" else HISTORIES
        for account in ready:
            if not any(d in supported(account) for d in datasets):
                continue
            request = tick(account, kind)
            if isinstance(request, dg.RunRequest):
                job = f"{account.name}_{kind}"
                try:
                    client = DagsterGraphQLClient(host, port_number=port)
                    client.submit_job_execution(job, tags=dict(request.tags))
                except DagsterGraphQLClientError as error:
                    reason = str(error).partition("\n")[0]
                    raise NotStarted(f"{job} was not started: {reason}") from None
                yield job
