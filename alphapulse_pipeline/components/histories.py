"""History assets: daily partitions; one run reads any range of them."""

import re
import time
from collections.abc import Callable
from datetime import datetime, timedelta

import dagster as dg

from alphapulse_pipeline.components.postgres import IO_MANAGER
from alphapulse_pipeline.components.resources import session_of
from alphapulse_pipeline.components.tables import asset_spec
from alphapulse_pipeline.settings.accounts import Account
from alphapulse_pipeline.sync.histories import history
from alphapulse_pipeline.warehouse.batches import Batches, TimeRange

MODE = "alphapulse/mode"
"""Run tag. `fill`: read only what is not covered yet. Without it a run reads its days again and
reports differences from the stored rows."""
TIME_LIMIT = "alphapulse/time_limit"
"""Run tag: seconds after which a history stops and leaves the rest to the next run."""


def daily(account: Account) -> dg.DailyPartitionsDefinition:
    """The days of a history, through today."""
    return dg.DailyPartitionsDefinition(
        start_date=datetime.combine(account.settings.history_start, datetime.min.time()),
        end_offset=1,
    )


def history_asset(account: Account, dataset: str) -> dg.AssetsDefinition:
    """One history of one account."""
    spec = asset_spec(
        account,
        dataset,
        freshness_policy=dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=25)),
    )

    @dg.asset(
        key=spec.key,
        description=spec.description,
        group_name=spec.group_name,
        owners=list(spec.owners),
        kinds=spec.kinds,
        metadata=spec.metadata,
        freshness_policy=spec.freshness_policy,
        partitions_def=daily(account),
        backfill_policy=dg.BackfillPolicy.single_run(),
        required_resource_keys={account.name},
        pool=account.name,
        io_manager_key=IO_MANAGER,
    )
    def rows(context: dg.AssetExecutionContext) -> Batches:
        fill = _fills(context.run.tags.get(MODE))
        keep_going = _until(context.run.tags.get(TIME_LIMIT))
        session = session_of(context, account)
        days = context.partition_time_window
        window = TimeRange(days.start, days.end)
        return history(session, dataset, window, fill=fill, keep_going=keep_going)

    return rows


def _fills(mode: str | None) -> bool:
    if mode not in (None, "fill"):
        raise dg.Failure(
            f"the run tag {MODE} is {mode[:100]!r}; set it to fill or remove it",
            allow_retries=False,
        )
    return mode == "fill"


def _until(seconds: str | None) -> Callable[[], bool]:
    if seconds is None:
        return lambda: True
    if not re.fullmatch(r"\d{1,9}(\.\d{1,9})?", seconds, re.ASCII):
        raise dg.Failure(
            f"the run tag {TIME_LIMIT} is {seconds[:100]!r}; set it to seconds, e.g. 60",
            allow_retries=False,
        )
    deadline = time.monotonic() + float(seconds)
    return lambda: time.monotonic() < deadline
