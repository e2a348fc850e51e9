"""What the schedules need of an account's rate limit."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from cronsim import CronSim
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.datasets import SNAPSHOTS
from alphapulse_pipeline.health.doctor.result import Finding, broken, ok, warning
from alphapulse_pipeline.settings.accounts import Account

_MUCH = 0.5
_MEND = (
    "make snapshot_cron and history_cron in its defs.yaml rarer, or name fewer datasets there; "
    "catch-up runs get what is left"
)


class Use(NamedTuple):
    """What asking every list of a dataset once took."""

    requests: int
    cost: float
    """In the rate limiter's units; 0 where nothing is limited."""


def budget(
    database: Connection[TupleRow] | None,
    account: Account,
    per_hour: float,
    used: Mapping[str, Use],
) -> Finding:
    """The share of the limit that scheduled runs need: what their usual run took, every tick.

    `per_hour`: the cost that the limit allows. What a request costs was measured just now. A
    dataset that was never read is counted with one call of each list.
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
    basis = "by their usual runs" if usual else "before their first run, with one call of each list"
    said = f"schedules need {requests:.0f} requests an hour, {100 * share:.1f} % of the limit"
    if share > 1:
        return broken(f"{said}, {basis}", _MEND)
    if share > _MUCH:
        return warning(f"{said}, {basis}", _MEND)
    return ok(f"{said}, {basis}")


def _usual(database: Connection[TupleRow], account: str) -> dict[str, int]:
    """Dataset -> requests of a run in the middle of the last twenty."""
    rows = database.execute(
        "SELECT dataset, percentile_disc(0.5) WITHIN GROUP (ORDER BY requests) FROM ("
        "  SELECT dataset, requests, row_number() OVER (PARTITION BY dataset ORDER BY id DESC) AS n"
        "  FROM alphapulse.sync_log WHERE account = %s AND status = 'completed'"
        ") AS runs WHERE n <= 20 GROUP BY dataset",
        [account],
    ).fetchall()
    return dict(rows)


def _ticks(cron: str) -> float:
    """How often an hour, over a day."""
    now = datetime.now(UTC)
    ticks = 0
    for tick in CronSim(cron, now):
        if tick > now + timedelta(days=1):
            break
        ticks += 1
    return ticks / 24
