"""The schedules of an account. A tick that starts no run gives its reason.

Loading the schedules needs no database; evaluating a tick reads it.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta

import dagster as dg

from alphapulse_pipeline.components.histories import MODE, TIME_LIMIT
from alphapulse_pipeline.components.jobs import ACCOUNT, AssetJob
from alphapulse_pipeline.components.resources import key_and_rules
from alphapulse_pipeline.components.snapshots import longest_interval
from alphapulse_pipeline.components.time_limits import SCHEDULED, max_runtime
from alphapulse_pipeline.datasets import HISTORIES
from alphapulse_pipeline.exchange.client_config import client_config
from alphapulse_pipeline.health import circuit
from alphapulse_pipeline.settings.accounts import Account, read_account
from alphapulse_pipeline.settings.environment import postgres_url
from alphapulse_pipeline.settings.errors import UserError
from alphapulse_pipeline.warehouse.batches import TimeRange
from alphapulse_pipeline.warehouse.connection import account_is_busy, connect
from alphapulse_pipeline.warehouse.history_state import newest_gap_before, no_history_requested
from alphapulse_pipeline.warehouse.schema import require_current

CATCH_UP_CRON = "* * * * *"
CATCH_UP_DAYS = 30
CATCH_UP_SECONDS = 300
HISTORY_SECONDS = 600
"""How long the histories of a run have together, unless their schedule ticks more often."""

_UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
_RANGE_START = "dagster/asset_partition_range_start"
_RANGE_END = "dagster/asset_partition_range_end"

Request = dg.RunRequest | dg.SkipReason


def account_schedules(
    account: Account, jobs: Mapping[str, AssetJob]
) -> list[dg.ScheduleDefinition]:
    """One schedule for each job, running by default."""
    crons = {
        "snapshot": account.settings.snapshot_cron,
        "history": account.settings.history_cron,
        "catch_up": CATCH_UP_CRON,
    }
    return [_schedule(account, kind, job, crons[kind]) for kind, job in jobs.items()]


def tick(account: Account, kind: str) -> Request:
    """The request of a tick of this kind at the current time."""
    match kind:
        case "snapshot":
            return dg.RunRequest()
        case "history":
            return recent_days(account)
        case _:
            return older_gap(account)


def recent_days(account: Account) -> dg.RunRequest:
    """A run of yesterday and today, not before history_start.

    It has a time limit: a first run takes long at an exchange that needs a request per market.
    """
    today = datetime.now(UTC)
    first = max(today - timedelta(days=1), _first_day(account))
    return range_request(first, today, _time_limit(account, HISTORY_SECONDS))


def older_gap(account: Account) -> Request:
    """A run of the newest gap before yesterday, at most `CATCH_UP_DAYS` of it.

    Of a new account it reads today and yesterday as well, and first: their own schedule may tick
    much later.
    """
    now = datetime.now(UTC)
    yesterday = (now - timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    none_older = dg.SkipReason(f"{account.name} has no older gaps in its histories")
    start = _first_day(account)
    histories = [d for d in HISTORIES if account.settings.wants(d)]
    with connect(postgres_url()) as connection:
        require_current(connection)
        if no_history_requested(connection, account.name):
            return catch_up_request(account, TimeRange(start, max(start, now)))
        if start >= yesterday:
            return none_older
        gap = newest_gap_before(connection, account.name, histories, yesterday)
    return none_older if gap is None else catch_up_request(account, gap)


def _first_day(account: Account) -> datetime:
    return datetime.combine(account.settings.history_start, time(), UTC)


def catch_up_request(account: Account, gap: TimeRange) -> dg.RunRequest:
    """A run of the newest days of a gap."""
    last = gap.end - timedelta(microseconds=1)
    first = max(gap.start, last - timedelta(days=CATCH_UP_DAYS - 1))
    return range_request(first, last, _time_limit(account, CATCH_UP_SECONDS))


def _time_limit(account: Account, seconds: float) -> dict[str, str]:
    """Tags of a run whose histories have this long together, at most one interval of their
    schedule: the next tick waits for the run."""
    together = min(seconds, longest_interval(account.settings.history_cron).total_seconds())
    return {TIME_LIMIT: str(max(1, int(together / len(HISTORIES)))), **max_runtime(SCHEDULED)}


def range_request(
    first: datetime, last: datetime, tags: Mapping[str, str] | None = None
) -> dg.RunRequest:
    """A run that fills the days from `first` through `last`."""
    return dg.RunRequest(
        tags={
            _RANGE_START: f"{first:%Y-%m-%d}",
            _RANGE_END: f"{last:%Y-%m-%d}",
            MODE: "fill",
            **(tags or {}),
        }
    )


def _schedule(account: Account, kind: str, job: AssetJob, cron: str) -> dg.ScheduleDefinition:
    @dg.schedule(
        name=f"{account.name}_{kind}",
        job=job,
        cron_schedule=cron,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=job.description,
        execution_timezone="UTC",
    )
    def schedule(context: dg.ScheduleEvaluationContext) -> Request:
        return evaluate(context.instance, account, kind)

    return schedule


def evaluate(instance: dg.DagsterInstance, account: Account, kind: str) -> Request:
    """What a tick of this kind starts now, or why it starts nothing."""
    try:
        if account.file:
            read_account(account.file)  # a run would load it, and fail if it has a mistake now
        if missing := account.environment.missing():
            return dg.SkipReason(
                f"{account.name}: {' and '.join(missing)} not set; export a read-only key or "
                "add it to .env"
            )
        # most ticks of catch-up runs end here, without a connection to the database
        reason = busy(instance, account, kind) or open_circuit(account)
        return dg.SkipReason(reason) if reason else tick(account, kind)
    except UserError as error:
        return dg.SkipReason(str(error))


def open_circuit(account: Account) -> str | None:
    """Why the circuit breaker allows no run now; None if it does.

    Credentials that differ from the refused ones are always tried, and so are refused ones after
    the account's settings allow more.
    """
    with connect(postgres_url()) as connection:
        require_current(connection)
        found = circuit.read(connection, account.name)
    used = key_and_rules(account, client_config(account, "").fingerprint)
    if found.credentials and found.credentials != used:
        return None
    return found.refusal(account.name, datetime.now(UTC))


def busy(instance: dg.DagsterInstance, account: Account, kind: str) -> str | None:
    """Why another run must not start now, or None.

    Schedules coincide, e.g. every fifteen minutes. Snapshots and recent histories queue behind the
    other runs, which have time limits, so that none starves; the queue takes them in the order of
    their priorities. A catch-up run has a tick a minute, and waits until nothing else has to run.
    """
    unfinished = instance.get_runs(
        dg.RunsFilter(tags={ACCOUNT: account.name}, statuses=_UNFINISHED), limit=20
    )
    same = [run for run in unfinished if run.job_name == f"{account.name}_{kind}"]
    if same:
        return f"run {same[0].run_id[:8]} of {same[0].job_name} has not ended yet"
    if unfinished and kind == "catch_up":
        return f"{account.name}: run {unfinished[0].run_id[:8]} of a different job is in progress"
    if not unfinished:
        with connect(postgres_url()) as connection:
            if account_is_busy(connection, account.name):
                return f"{account.name}: a different process is syncing it"
    return None
