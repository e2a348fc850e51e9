"""Assets and checks that do what a run's tags say, and all that Dagster answers about them.

Loaded by a code server of its own as well, for the UI.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg
from dagster._core.storage.partition_status_cache import get_and_update_asset_status_cache_value

DAYS = dg.DailyPartitionsDefinition("2026-01-01", end_date="2026-01-06")
FAIL, BAD, LOOK = "test/fail", "test/bad", "test/look"
"""Run tags: fail before anything is materialised; let the check fail; only observe."""

Rows = list[tuple[Any, ...]]


def _act(context: dg.AssetExecutionContext) -> Iterator[Any]:
    if FAIL in context.run.tags:
        raise ValueError("as the tag says")
    if LOOK in context.run.tags:
        for day in context.partition_keys if context.has_partition_key_range else [None]:
            context.log_event(dg.AssetObservation(context.asset_key, partition=day))
    yield dg.MaterializeResult(metadata={"run": context.run.run_id})


@dg.asset
def now(context: dg.AssetExecutionContext) -> Iterator[Any]:
    """Not partitioned."""
    yield from _act(context)


@dg.asset(deps=[now])
def after(context: dg.AssetExecutionContext) -> Iterator[Any]:
    """Not partitioned, made of another."""
    yield from _act(context)


@dg.asset(partitions_def=DAYS, backfill_policy=dg.BackfillPolicy.single_run())
def daily(context: dg.AssetExecutionContext) -> Iterator[Any]:
    """Any range of days in one run."""
    yield from _act(context)


@dg.asset_check(asset=now)
def now_is_good(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
    """Fails where the tag says so."""
    return dg.AssetCheckResult(passed=BAD not in context.run.tags)


@dg.asset_check(asset=daily)
def daily_is_good(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
    """Fails where the tag says so."""
    return dg.AssetCheckResult(passed=BAD not in context.run.tags)


def job(*assets: dg.AssetsDefinition) -> Any:
    """A job of some assets and their checks."""
    name = "_".join(asset.key.to_user_string() for asset in assets)
    return dg.define_asset_job(f"make_{name}", dg.AssetSelection.assets(*assets))


definitions = dg.Definitions(
    assets=[now, after, daily],
    asset_checks=[now_is_good, daily_is_good],
    jobs=[
        job(now),
        job(now, after),
        job(daily),
        dg.define_asset_job("check_now", dg.AssetSelection.checks(now_is_good)),
    ],
    executor=dg.in_process_executor,
)

KEYS = [asset.key for asset in (now, after, daily)]
CHECKS = [check.check_key for check in (now_is_good, daily_is_good)]


def days(first: int, last: int) -> dict[str, str]:
    """The tags of a run of a range of days."""
    return {
        "dagster/asset_partition_range_start": f"2026-01-0{first}",
        "dagster/asset_partition_range_end": f"2026-01-0{last}",
    }


def run(instance: dg.DagsterInstance, name: str, tags: Mapping[str, str] | None = None) -> str:
    """The id of a run that has ended."""
    result = definitions.resolve_job_def(name).execute_in_process(
        instance=instance, tags=dict(tags or {}), raise_on_error=False
    )
    return result.run_id


def answers(instance: dg.DagsterInstance) -> dict[str, Any]:
    """What Dagster reports about the assets and checks, by its own APIs."""
    found: dict[str, Any] = {}
    log = instance.event_log_storage
    for record in instance.get_asset_records(KEYS):
        entry = record.asset_entry
        found[f"{entry.asset_key} record"] = (entry.last_materialization_record, entry.last_run_id)
    for key in KEYS:
        found[f"{key} latest"] = instance.get_latest_materialization_event(key)
        found[f"{key} partitions"] = instance.get_materialized_partitions(key)
        for kind in (
            dg.DagsterEventType.ASSET_MATERIALIZATION,
            dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED,
            dg.DagsterEventType.ASSET_OBSERVATION,
        ):
            ids = log.get_latest_storage_id_by_partition(key, kind)
            filters = [dg.EventRecordsFilter(kind, asset_key=key)] + [
                dg.EventRecordsFilter(kind, asset_key=key, asset_partitions=[day]) for day in ids
            ]
            newest = [log.get_event_records(one, limit=1) for one in filters]
            found[f"{key} {kind}"] = (newest, ids)
        planned = [
            log.get_latest_planned_materialization_info(key, day)
            for day in [None, *DAYS.get_partition_keys()]
        ]
        found[f"{key} planned"] = planned
        found[f"{key} attempts"] = (
            log.get_latest_asset_partition_materialization_attempts_without_materializations(key)
        )
        found[f"{key} tags"] = log.get_latest_tags_by_partition(
            key, dg.DagsterEventType.ASSET_MATERIALIZATION, ["dagster/data_version"]
        )
    found["freshness"] = log.get_freshness_state_records(KEYS)
    # as it goes on from what it remembers, and as it is computed from nothing
    for way in ("remembered", "anew"):
        found[f"status {way}"] = get_and_update_asset_status_cache_value(instance, daily.key, DAYS)
        log.wipe_asset_cached_status(daily.key)
    found["checks"] = log.get_latest_asset_check_execution_by_key(CHECKS)
    found["check summaries"] = log.get_asset_check_summary_records(CHECKS)
    found["check partitions"] = sorted(log.get_asset_check_partition_info(CHECKS), key=repr)
    # every run that an answer links to still exists
    shown = repr(found)
    found["runs"] = {
        (run.run_id, run.status): [
            r.run_id for r in (instance.get_run_group(run.run_id) or ((), ()))[1]
        ]
        for run in instance.get_runs()
        if run.run_id in shown
    }
    return found
