"""Dagster runs in this process, started from the terminal; the UI shows them like any other."""

import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache

import dagster as dg

from alphapulse_pipeline.components.jobs import ACCOUNT
from alphapulse_pipeline.components.portfolio import PORTFOLIO
from alphapulse_pipeline.components.run_events import one_connection
from alphapulse_pipeline.components.schedules import range_request
from alphapulse_pipeline.components.time_limits import IN_TERMINAL, max_runtime
from alphapulse_pipeline.datasets import SNAPSHOTS
from alphapulse_pipeline.settings.accounts import Account
from alphapulse_pipeline.settings.environment import postgres_url
from alphapulse_pipeline.warehouse.connection import connect

PROCESS = "alphapulse/process"
"""Run tag: id of the process that executes the run."""


@dataclass(frozen=True)
class Run:
    """A finished run. `error`: the errors of its failed steps."""

    run_id: str
    success: bool
    error: str | None


def materialize(
    account: Account,
    datasets: Sequence[str],
    since: datetime | None = None,
    until: datetime | None = None,
) -> Run:
    """Materialize snapshots or histories of one account. Histories fill every gap by default."""
    kind = "snapshot" if datasets[0] in SNAPSHOTS else "history"
    tags = _tags(account.name)
    if kind == "history":
        tags |= _days(account, since, until)
    return _run(f"{account.name}_{kind}", tags, [dg.AssetKey([account.name, d]) for d in datasets])


def refresh_portfolio() -> Run:
    """Recalculate the portfolio tables that are out of date."""
    return _run(PORTFOLIO, _tags(PORTFOLIO))


def _tags(account: str) -> dict[str, str]:
    return {ACCOUNT: account, PROCESS: str(os.getpid()), **max_runtime(IN_TERMINAL)}


def _run(job: str, tags: dict[str, str], keys: Sequence[dg.AssetKey] | None = None) -> Run:
    """Execute a job in this process; all of its assets by default."""
    # Dagster stores an event for each day of each history before the run begins
    with _quiet(), dg.DagsterInstance.get() as instance, one_connection(instance):
        result = (
            _definitions()
            .resolve_job_def(job)
            .execute_in_process(
                instance=instance,
                tags=tags,
                asset_selection=keys,
                raise_on_error=False,
                run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            )
        )
    failures = [event.step_failure_data for event in result.all_events if event.is_step_failure]
    if any("ExecutionInterrupted" in str(failure.error) for failure in failures):
        raise KeyboardInterrupt  # Dagster handled the signal for the run; end the command too
    errors = [
        failure.user_failure_data.description
        if failure.user_failure_data
        else (failure.error.cause or failure.error).message.strip().partition("\n")[0]
        for failure in failures
        if failure.error
    ]
    return Run(result.run_id, result.success, "; ".join(str(text) for text in errors) or None)


def _days(account: Account, since: datetime | None, until: datetime | None) -> dict[str, str]:
    """Tags for the days to fill: the given ones, by default from the oldest gap to today."""
    now = datetime.now(UTC)
    first_day = datetime.combine(account.settings.history_start, datetime.min.time(), UTC)
    first = max(since or _oldest_gap(account) or first_day, first_day)
    request = range_request(first, min(until or now, now))
    return dict(request.tags)


def _oldest_gap(account: Account) -> datetime | None:
    """Start of the oldest gap, at most a day ago; None if no history was ever synced."""
    with connect(postgres_url()) as connection:
        row = connection.execute(
            "SELECT min(lower(gap)), now() - interval '1 day' FROM alphapulse.coverage_gaps"
            " RIGHT JOIN alphapulse.streams USING (account, dataset, stream)"
            " WHERE account = %s HAVING count(*) > 0",
            [account.name],
        ).fetchone()
    return min(row[0] or row[1], row[1]) if row else None


@cache
def _definitions() -> dg.Definitions:
    from alphapulse_pipeline.definitions import defs

    return defs()


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the libraries' logs off the terminal; Dagster's are in the event log."""
    for name in ("dagster", "dagster.daemon", "alembic", "psycopg", "root"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    logging.getLogger("alphapulse_pipeline").setLevel(logging.INFO)
    yield
