"""Retention of Dagster's event log: what is kept of runs that ended long ago.

Dagster's tables (schema `public`) only ever grow, and deleting a run through its API deletes the
run's materializations too. Besides `ticks.py`, only this module deletes from them by SQL. It does
not change what Dagster reports about assets, partitions and checks: that is computed from the
newest event of each kind, which is never deleted.

Of a run that ended more than `SUCCESSFUL` (successful ones) or `OTHERS` ago, these are kept:

* each asset event that is still the newest of its type for the asset and partition: latest
  materializations, which partitions are materialized, which failed;
* each check execution that is still the newest, or the newest with a result, for its check and
  partition;
* the run itself with its start and end, if it has one of those, if it is an asset's last run, or if
  it is the root of retries that are kept. Links in the UI keep working, at the cost of at most one
  run for each partition of an asset.

Evaluations of automation conditions are kept for `SUCCESSFUL`, all of an asset's newest one: with
many accounts each takes hundreds of kilobytes, and Dagster keeps them for 30 days.

Unfinished runs and the runs of unfinished backfills are not touched. Job snapshots stay: they are a
few KB, are only added when a job's definition changes, and deleting one could break a run that is
being created. Autovacuum makes the space reusable.
"""

import sys
import time
from dataclasses import dataclass
from datetime import datetime, timedelta

from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.settings.environment import POSTGRES_URL
from alphapulse_pipeline.settings.errors import SettingsError
from alphapulse_pipeline.warehouse.connection import connect

SUCCESSFUL = timedelta(days=7)
"""How long a successful run is kept whole."""
OTHERS = timedelta(days=30)
"""How long a failed or canceled run is kept whole, and an ended backfill."""

_RUNS_PER_BATCH = 50
_CHECKS_PER_BATCH = 5000
_EVALUATIONS_PER_BATCH = 500
_OWN_LOCK = "hashtextextended('alphapulse event log', 0)"
_RUNLESS = ""
"""Run id of events that no run wrote, e.g. that an asset is no longer fresh."""

# Dagster's timestamps are UTC without a zone; the connection's zone is UTC as well.
_ENDED_BACKFILL = (
    "status IN ('COMPLETED', 'COMPLETED_SUCCESS', 'COMPLETED_FAILED', 'FAILED', 'CANCELED')"
)

_OLD_RUNS = f"""
    SELECT id, run_id FROM public.runs
    WHERE coalesce(end_time, extract(epoch FROM update_timestamp)) < CASE status
            WHEN 'SUCCESS' THEN extract(epoch FROM %(successful)s::timestamptz)
            WHEN 'FAILURE' THEN extract(epoch FROM %(others)s::timestamptz)
            WHEN 'CANCELED' THEN extract(epoch FROM %(others)s::timestamptz)
        END
        AND NOT EXISTS (
            SELECT FROM public.bulk_actions b WHERE b.key = backfill_id AND NOT b.{_ENDED_BACKFILL}
        )
"""

# Newest first: a retry comes before the run that it repeats.
_NEXT_RUNS = f"""
    SELECT id, run_id FROM ({_OLD_RUNS}) AS old
    WHERE id < %(before)s ORDER BY id DESC LIMIT {_RUNS_PER_BATCH}
"""

# Two EXISTS, because rows with and without a partition use different indexes.
_DELETE_RUNS = """
    WITH newest AS MATERIALIZED (
        SELECT id, run_id FROM public.event_logs e
        WHERE run_id = ANY(%(runs)s) AND asset_key IS NOT NULL AND NOT CASE
            WHEN partition IS NULL THEN EXISTS (
                SELECT FROM public.event_logs n WHERE n.asset_key = e.asset_key
                AND n.dagster_event_type = e.dagster_event_type
                AND n.partition IS NULL AND n.id > e.id)
            ELSE EXISTS (
                SELECT FROM public.event_logs n WHERE n.asset_key = e.asset_key
                AND n.dagster_event_type = e.dagster_event_type
                AND n.partition = e.partition AND n.id > e.id)
            END
    ), kept AS MATERIALIZED (
        SELECT run_id FROM newest
        UNION SELECT last_run_id FROM public.asset_keys WHERE last_run_id = ANY(%(runs)s)
        UNION SELECT unnest(%(checked)s::text[])
    ), kept_with_roots AS MATERIALIZED (
        SELECT run_id FROM kept
        UNION SELECT value FROM public.run_tags
        WHERE key = 'dagster/root_run_id' AND value = ANY(%(runs)s)
            AND (run_id <> ALL(%(runs)s) OR run_id IN (SELECT run_id FROM kept))
    ), events AS (
        DELETE FROM public.event_logs
        WHERE run_id = ANY(%(runs)s)
            AND (run_id <> '' OR timestamp < %(successful)s::timestamptz)
            AND id NOT IN (SELECT id FROM newest)
            AND (starts_with(dagster_event_type, 'PIPELINE_')
                AND run_id IN (SELECT run_id FROM kept_with_roots)) IS NOT TRUE
        RETURNING id
    ), tags AS (
        DELETE FROM public.asset_event_tags WHERE event_id IN (SELECT id FROM events)
    ), deleted AS (
        DELETE FROM public.runs
        WHERE run_id = ANY(%(runs)s) AND run_id NOT IN (SELECT run_id FROM kept_with_roots)
        RETURNING 1
    )
    SELECT (SELECT count(*) FROM events), (SELECT count(*) FROM deleted)
"""

_NEWEST_CHECKS = """
    SELECT id, run_id FROM public.asset_check_executions WHERE id IN (
        SELECT unnest(
            ARRAY[max(id), max(id) FILTER (WHERE execution_status IN ('SUCCEEDED', 'FAILED'))])
        FROM public.asset_check_executions GROUP BY asset_key, check_name, partition
    )
"""

_DELETE_CHECKS = f"""
    DELETE FROM public.asset_check_executions WHERE id IN (
        SELECT c.id FROM public.asset_check_executions c LEFT JOIN public.runs USING (run_id)
        WHERE c.id NOT IN (SELECT unnest(%(newest)s::bigint[])) AND (
            c.run_id IN (SELECT run_id FROM ({_OLD_RUNS}) AS old)
            -- its run was deleted by hand, or it has none
            OR runs.id IS NULL AND c.create_timestamp < %(successful)s::timestamptz
        ) LIMIT {_CHECKS_PER_BATCH}
    )
"""

_DELETE_BACKFILLS = f"""
    WITH deleted AS (
        DELETE FROM public.bulk_actions b
        WHERE {_ENDED_BACKFILL} AND timestamp < %(others)s::timestamptz
            AND NOT EXISTS (SELECT FROM public.runs WHERE backfill_id = b.key)
        RETURNING key
    ), tags AS (DELETE FROM public.backfill_tags WHERE backfill_id IN (SELECT key FROM deleted))
    SELECT count(*) FROM deleted
"""

# The index on (asset_key, evaluation_id) finds a newer one.
_DELETE_EVALUATIONS = f"""
    DELETE FROM public.asset_daemon_asset_evaluations WHERE id IN (
        SELECT id FROM public.asset_daemon_asset_evaluations e
        WHERE create_timestamp < %(successful)s::timestamptz AND EXISTS (
            SELECT FROM public.asset_daemon_asset_evaluations n
            WHERE n.asset_key = e.asset_key AND n.evaluation_id > e.evaluation_id
        ) LIMIT {_EVALUATIONS_PER_BATCH}
    )
"""


@dataclass(frozen=True)
class Removed:
    """How many rows were deleted. `complete`: no more rows are due."""

    events: int
    runs: int
    checks: int
    backfills: int
    evaluations: int
    complete: bool


def prune(url: str, now: datetime, seconds: float) -> Removed | None:
    """Delete what is due, in short transactions; None if another process is pruning.

    Starts no transaction after `seconds`: the next call continues. Raises `SettingsError` if
    Dagster's tables are not in this database.
    """
    deadline = time.monotonic() + seconds
    times: dict[str, object] = {"successful": now - SUCCESSFUL, "others": now - OTHERS}
    with connect(url) as connection:
        if connection.execute(f"SELECT pg_try_advisory_lock({_OWN_LOCK})").fetchone() != (True,):
            return None
        if connection.execute("SELECT to_regclass('public.event_logs')").fetchone() == (None,):
            raise SettingsError(
                "nothing deleted: Dagster does not store its event log in the database of "
                f"{POSTGRES_URL}",
                "set event_log_retention: false in the defs.yaml of SharedDefinitions",
            )
        newest: dict[int, str] = dict(connection.execute(_NEWEST_CHECKS).fetchall())
        events = runs = backfills = evaluations = 0
        checks, complete = _batches(
            connection,
            _DELETE_CHECKS,
            _CHECKS_PER_BATCH,
            {**times, "newest": list(newest)},
            deadline,
        )
        if complete:
            evaluations, complete = _batches(
                connection, _DELETE_EVALUATIONS, _EVALUATIONS_PER_BATCH, times, deadline
            )
        if complete:
            events, runs, complete = _runs(connection, times, set(newest.values()), deadline)
        if complete:
            ((backfills,),) = connection.execute(_DELETE_BACKFILLS, times).fetchall()
        # the server would do so a moment after the connection ends, and the next call is refused
        connection.execute(f"SELECT pg_advisory_unlock({_OWN_LOCK})")
    return Removed(events, runs, checks, backfills, evaluations, complete)


def _batches(
    connection: Connection[TupleRow],
    statement: str,
    size: int,
    times: dict[str, object],
    deadline: float,
) -> tuple[int, bool]:
    """How many rows a statement deleted, `size` at a time, and whether that was all."""
    deleted = 0
    while time.monotonic() < deadline:
        count = connection.execute(statement, times).rowcount
        deleted += count
        if count < size:
            return deleted, True
    return deleted, False


def _runs(
    connection: Connection[TupleRow], times: dict[str, object], checked: set[str], deadline: float
) -> tuple[int, int, bool]:
    """How many events and runs were deleted, and whether that was all.

    `checked`: the runs of the check executions that are kept.
    """
    events = runs = 0
    before, batch = sys.maxsize, [_RUNLESS]
    while batch and time.monotonic() < deadline:
        chosen = {**times, "runs": batch, "checked": [run for run in batch if run in checked]}
        ((more_events, more_runs),) = connection.execute(_DELETE_RUNS, chosen).fetchall()
        events, runs = events + more_events, runs + more_runs
        found = connection.execute(_NEXT_RUNS, {**times, "before": before}).fetchall()
        batch = [run_id for _, run_id in found]
        before = found[-1][0] if found else before
    return events, runs, not batch
