"""An account's three jobs."""

from collections.abc import Sequence
from typing import Any

import dagster as dg

from alphapulse_pipeline.components.check import Check
from alphapulse_pipeline.components.checks import check_key, checks_of
from alphapulse_pipeline.components.key_check import KEY
from alphapulse_pipeline.settings.accounts import Account

ACCOUNT = "alphapulse/account"
"""Run tag: the account that a run belongs to."""

AssetJob = Any
"""What `define_asset_job` returns: a type that Dagster does not export."""


def account_jobs(
    account: Account, snapshots: Sequence[str], histories: Sequence[str]
) -> dict[str, AssetJob]:
    """`snapshot`, `history` and `catch_up`; a kind without datasets has no job.

    Snapshots come before histories in the run queue, and what was missed long ago comes last.
    """
    jobs: dict[str, AssetJob] = {}
    checks = checks_of([*snapshots, *histories])
    # Whether a snapshot is fresh is no question for the run that has just taken it.
    fresh = [check for check in checks if check.name == "fresh" and check.dataset in snapshots]
    others = [check for check in checks if check not in fresh]
    if snapshots:
        asked = others if histories else checks
        jobs["snapshot"] = _job(account, "snapshot", snapshots, asked, "What is held now.", 1)
    if histories:
        news, older = "Yesterday's and today's news.", "Older gaps of the histories, newest first."
        # the checks of what failed are not run, so a refused key would not show in a snapshot's run
        of_key = [check for check in checks if check.name == KEY and check.dataset in snapshots]
        more = [*of_key, *fresh]
        jobs["history"] = _job(account, "history", histories, others, news, 0, more)
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
        tags={ACCOUNT: account.name, "dagster/priority": str(priority)},
    )
