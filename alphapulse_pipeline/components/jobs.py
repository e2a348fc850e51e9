"""The jobs of an account: snapshot, history, catch_up."""

from collections.abc import Sequence
from typing import Any

import dagster as dg

from alphapulse_pipeline.components.check import Check
from alphapulse_pipeline.components.checks import check_key, checks_of
from alphapulse_pipeline.components.key_check import KEY
from alphapulse_pipeline.components.time_limits import LONGEST, SCHEDULED, max_runtime
from alphapulse_pipeline.settings.accounts import Account

ACCOUNT = "alphapulse/account"
"""Run tag: the account that a run belongs to."""

AssetJob = Any
"""The type that `define_asset_job` returns, which Dagster does not export."""


def account_jobs(
    account: Account, snapshots: Sequence[str], histories: Sequence[str]
) -> dict[str, AssetJob]:
    """`snapshot`, `history` and `catch_up`; a kind without datasets has no job.

    In the run queue snapshots have the highest priority and catch-up runs the lowest.
    """
    jobs: dict[str, AssetJob] = {}
    checks = checks_of([*snapshots, *histories])
    # A run that has just taken a snapshot need not check that it is fresh.
    fresh = [check for check in checks if check.name == "fresh" and check.dataset in snapshots]
    others = [check for check in checks if check not in fresh]
    if snapshots:
        selected = others if histories else checks
        description = "Takes a snapshot: balances, positions, prices, the exchange's own totals."
        jobs["snapshot"] = _job(account, "snapshot", snapshots, selected, description, 1)
    if histories:
        recent = "Syncs the histories of yesterday and today."
        older = "Fills older gaps in the histories, newest first."
        # a failed snapshot skips its checks, so a refused key must also show in this job
        of_key = [check for check in checks if check.name == KEY and check.dataset in snapshots]
        more = [*of_key, *fresh]
        jobs["history"] = _job(account, "history", histories, others, recent, 0, more)
        jobs["catch_up"] = _job(account, "catch_up", histories, others, older, -1)
    return jobs


def _job(
    account: Account,
    kind: str,
    datasets: Sequence[str],
    checks: Sequence[Check],
    description: str,
    priority: int,
    more_checks: Sequence[Check] = (),
) -> AssetJob:
    keys = [dg.AssetKey([account.name, dataset]) for dataset in datasets]
    chosen = [*(check for check in checks if check.dataset in datasets), *more_checks]
    return dg.define_asset_job(
        f"{account.name}_{kind}",
        selection=dg.AssetSelection.assets(*keys).without_checks()
        | dg.AssetSelection.checks(*(check_key(account, check) for check in chosen)),
        description=description,
        tags={
            ACCOUNT: account.name,
            "dagster/priority": str(priority),
            # the schedules shorten it for their own runs; a person may start a long backfill
            **max_runtime(SCHEDULED if kind == "snapshot" else LONGEST),
        },
        # a run has one account and one client: a process for each step would cost seconds
        executor_def=dg.in_process_executor,
    )
