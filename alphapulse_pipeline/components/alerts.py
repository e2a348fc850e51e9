"""The sensors that tell of what is wrong: one of failed runs, one of failed checks."""

from collections.abc import Callable, Iterable

import dagster as dg
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.components.jobs import ACCOUNT
from alphapulse_pipeline.components.portfolio import PORTFOLIO
from alphapulse_pipeline.health import alerts
from alphapulse_pipeline.health.alerts import Alert
from alphapulse_pipeline.settings.environment import ALERT_WEBHOOK, alert_webhook, postgres_url
from alphapulse_pipeline.settings.errors import SettingsError
from alphapulse_pipeline.warehouse.connection import connect
from alphapulse_pipeline.warehouse.schema import require_current

Wrong = Callable[[Connection[TupleRow]], Iterable[Alert]]
"""Finds what is wrong now."""

_EVERY = 30
_ENDED = [
    dg.DagsterRunStatus.SUCCESS,
    dg.DagsterRunStatus.FAILURE,
    dg.DagsterRunStatus.CANCELED,
]


@dg.sensor(
    minimum_interval_seconds=_EVERY,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Tells once when an account's runs begin to fail for a cause, and once when it is "
    f"over: to the log, and to the webhook of {ALERT_WEBHOOK}.",
)
def run_failure_alerts(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """What was told is the tick's reason."""

    def wrong(connection: Connection[TupleRow]) -> Iterable[Alert]:
        yield from alerts.failed_datasets(connection)
        yield from failed_otherwise(context.instance, connection)

    return _look(alerts.RUNS, wrong)


@dg.sensor(
    minimum_interval_seconds=_EVERY,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Tells once when a check begins to fail, and once when it passes again: to the "
    f"log, and to the webhook of {ALERT_WEBHOOK}.",
)
def check_failure_alerts() -> dg.SkipReason:
    """What was told is the tick's reason."""
    return _look(alerts.CHECKS, alerts.failed_checks)


def failed_otherwise(
    instance: dg.DagsterInstance, connection: Connection[TupleRow]
) -> Iterable[Alert]:
    """Accounts whose last run failed without a word of it in `sync_log`: by a bug, or killed. The
    portfolio's runs have no word there."""
    accounts = connection.execute(
        "SELECT account FROM alphapulse.datasets WHERE deployed AND exchange <> '' UNION SELECT %s",
        [PORTFOLIO],
    ).fetchall()
    for (account,) in accounts:
        last = instance.get_runs(dg.RunsFilter(tags={ACCOUNT: account}, statuses=_ENDED), limit=1)
        for run in last:
            if run.status is dg.DagsterRunStatus.FAILURE and not _is_logged(connection, run.run_id):
                told = "" if account == PORTFOLIO else " before it asked for anything"
                yield Alert(
                    alerts.RUNS,
                    account,
                    "run",
                    f"run {run.run_id[:8]} of {run.job_name} failed{told}: see the run in the "
                    "web UI",
                )


def _is_logged(connection: Connection[TupleRow], run_id: str) -> bool:
    row = connection.execute(
        "SELECT EXISTS (SELECT FROM alphapulse.sync_log WHERE run_id = %s)", [run_id]
    ).fetchone()
    return row == (True,)


def _look(about: str, wrong: Wrong) -> dg.SkipReason:
    try:
        url = alert_webhook()
        with connect(postgres_url()) as connection:
            require_current(connection)
            send = alerts.webhook(url) if url else None
            told = alerts.tell(connection, about, wrong(connection), send)
    except SettingsError as error:
        return dg.SkipReason(str(error))
    counts = [
        (told.begun, "began"), (told.ended, "ended"), (told.lasting, "still lasting"),
    ]  # fmt: skip
    said = ", ".join(f"{count} {what}" for count, what in counts if count) or "nothing is wrong"
    if told.undelivered:
        said += f"; not delivered, tried again by the next tick: {told.undelivered}"
    elif not url and (told.begun or told.ended):
        said += f"; only logged, as {ALERT_WEBHOOK} is not set"
    return dg.SkipReason(said)
