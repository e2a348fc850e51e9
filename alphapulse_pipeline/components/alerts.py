"""Alert sensors: one for failed runs, one for failed checks."""

from collections.abc import Callable, Iterable
from pathlib import Path

import dagster as dg
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.components.jobs import ACCOUNT
from alphapulse_pipeline.components.portfolio import PORTFOLIO
from alphapulse_pipeline.health import alerts
from alphapulse_pipeline.health.alerts import Alert
from alphapulse_pipeline.settings.environment import ALERT_WEBHOOK, alert_webhook, postgres_url
from alphapulse_pipeline.settings.errors import SettingsError
from alphapulse_pipeline.sync.deployment import usable_deployment
from alphapulse_pipeline.warehouse import deployed
from alphapulse_pipeline.warehouse.connection import connect
from alphapulse_pipeline.warehouse.schema import require_current

Problems = Callable[[Connection[TupleRow]], Iterable[Alert]]
"""Finds the current problems."""

_INTERVAL_SECONDS = 30
_ENDED = [
    dg.DagsterRunStatus.SUCCESS,
    dg.DagsterRunStatus.FAILURE,
    dg.DagsterRunStatus.CANCELED,
]


@dg.sensor(
    minimum_interval_seconds=_INTERVAL_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Alerts when an account's runs start to fail, and again when they recover. Writes "
    f"to the log and to the webhook in {ALERT_WEBHOOK}.",
)
def run_failure_alerts(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """Never starts a run: the skip reason is a summary of the alerts."""

    def problems(connection: Connection[TupleRow]) -> Iterable[Alert]:
        yield from alerts.failed_datasets(connection)
        yield from failed_without_log(context.instance, connection)

    return _evaluate(alerts.RUNS, problems)


def check_failure_alerts(folder: Path) -> dg.SensorDefinition:
    """The sensor for the accounts in `folder`."""

    @dg.sensor(
        name="check_failure_alerts",
        minimum_interval_seconds=_INTERVAL_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Alerts when an asset check starts to fail or an account's file cannot be "
        "loaded, and again when that is over. Writes to the log and to the webhook in "
        f"{ALERT_WEBHOOK}.",
    )
    def sensor() -> dg.SkipReason:
        """Never starts a run: the skip reason is a summary of the alerts."""

        def problems(connection: Connection[TupleRow]) -> Iterable[Alert]:
            deployed.note_broken(connection, usable_deployment(folder).broken)
            return alerts.failed_checks(connection)

        return _evaluate(alerts.CHECKS, problems)

    return sensor


def failed_without_log(
    instance: dg.DagsterInstance, connection: Connection[TupleRow]
) -> Iterable[Alert]:
    """Accounts whose last run failed without an entry in `sync_log`: it was killed, or has a bug.

    The portfolio's runs never have entries there.
    """
    accounts = connection.execute(
        "SELECT account FROM alphapulse.datasets WHERE deployed AND exchange <> '' UNION SELECT %s",
        [PORTFOLIO],
    ).fetchall()
    for (account,) in accounts:
        last = instance.get_runs(dg.RunsFilter(tags={ACCOUNT: account}, statuses=_ENDED), limit=1)
        for run in last:
            if run.status is dg.DagsterRunStatus.FAILURE and not _is_logged(connection, run.run_id):
                when = "" if account == PORTFOLIO else " before its first request"
                yield Alert(
                    alerts.RUNS,
                    account,
                    "run",
                    f"run {run.run_id[:8]} of {run.job_name} failed{when}; open it in the web UI",
                )


def _is_logged(connection: Connection[TupleRow], run_id: str) -> bool:
    row = connection.execute(
        "SELECT EXISTS (SELECT FROM alphapulse.sync_log WHERE run_id = %s)", [run_id]
    ).fetchone()
    return row == (True,)


def _evaluate(about: str, problems: Problems) -> dg.SkipReason:
    try:
        url = alert_webhook()
        with connect(postgres_url()) as connection:
            require_current(connection)
            send = alerts.webhook(url) if url else None
            found = alerts.evaluate(connection, about, problems(connection), send)
    except SettingsError as error:
        return dg.SkipReason(str(error))
    counts = {"began": found.begun, "ended": found.ended, "still active": found.active}
    summary = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
    summary = summary or "no problems"
    if found.undelivered:
        summary += f"; not delivered, the next tick retries: {found.undelivered}"
    elif not url and (found.begun or found.ended):
        summary += f"; only logged, because {ALERT_WEBHOOK} is not set"
    return dg.SkipReason(summary)
