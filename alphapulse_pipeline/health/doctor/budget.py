"""How much of an account's rate limit the schedules use."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from cronsim import CronSim
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.datasets import SNAPSHOTS
from alphapulse_pipeline.health.doctor.result import Finding, failed, ok, warning
from alphapulse_pipeline.settings.accounts import Account

_HIGH_SHARE = 0.5
_FIX = (
    "run snapshot_cron and history_cron in its defs.yaml less often, or list fewer datasets there; "
    "catch-up runs only get what is left of the limit"
)


class Use(NamedTuple):
    """What calling each of a dataset's endpoints once took."""

    requests: int
    cost: float
    """In the rate limiter's units; 0 if the exchange is not rate-limited."""


def budget(
    database: Connection[TupleRow] | None,
    account: Account,
    per_hour: float,
    used: Mapping[str, Use],
) -> Finding:
    """The share of the limit that scheduled runs use: a typical run, at every tick.

    `per_hour`: the cost that the limit allows. `used`: what the doctor's own calls took, which
    gives the cost of a request, and the requests of a dataset that has never been synced.
    """
    usual = _usual(database, account.name) if database else {}
    requests = cost = 0.0
    for dataset, once in used.items():
        schedule = (
            account.settings.snapshot_cron
            if dataset in SNAPSHOTS
            else account.settings.history_cron
        )
        needed = usual.get(dataset, once.requests) * _ticks(schedule)
        requests += needed
        cost += needed * ((once.cost or once.requests) / once.requests if once.requests else 0)
    share = cost / per_hour
    basis = "from recent runs" if usual else "estimated: nothing has been synced yet"
    message = (
        f"schedules use {requests:.0f} requests an hour, {100 * share:.1f} % of the limit ({basis})"
    )
    if share > 1:
        return failed(message, _FIX)
    if share > _HIGH_SHARE:
        return warning(message, _FIX)
    return ok(message)


def _usual(database: Connection[TupleRow], account: str) -> dict[str, int]:
    """Dataset -> median requests of its last twenty completed runs."""
    rows = database.execute(
        "SELECT dataset, percentile_disc(0.5) WITHIN GROUP (ORDER BY requests) FROM ("
        "  SELECT dataset, requests, row_number() OVER (PARTITION BY dataset ORDER BY id DESC) AS n"
        "  FROM alphapulse.sync_log WHERE account = %s AND status = 'completed'"
        ") AS runs WHERE n <= 20 GROUP BY dataset",
        [account],
    ).fetchall()
    return dict(rows)


def _ticks(cron: str) -> float:
    """Ticks an hour, averaged over the next day."""
    now = datetime.now(UTC)
    ticks = 0
    for tick in CronSim(cron, now):
        if tick > now + timedelta(days=1):
            break
        ticks += 1
    return ticks / 24
