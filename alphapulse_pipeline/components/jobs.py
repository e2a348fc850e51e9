"""An account's three jobs."""

from collections.abc import Sequence
from typing import Any

import dagster as dg

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
    if snapshots:
        jobs["snapshot"] = _job(account, "snapshot", snapshots, "What is held now.", 1)
    if histories:
        jobs["history"] = _job(account, "history", histories, "Yesterday's and today's news.", 0)
        jobs["catch_up"] = _job(
            account, "catch_up", histories, "Older gaps of the histories, newest first.", -1
        )
    return jobs


def _job(
    account: Account, kind: str, datasets: Sequence[str], description: str, priority: int
) -> AssetJob:
    keys = [dg.AssetKey([account.name, dataset]) for dataset in datasets]
    return dg.define_asset_job(
        f"{account.name}_{kind}",
        selection=dg.AssetSelection.assets(*keys) | dg.AssetSelection.checks_for_assets(*keys),
        description=description,
        tags={ACCOUNT: account.name, "dagster/priority": str(priority)},
    )
