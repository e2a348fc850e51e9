"""How large Dagster's own tables get in a year of one account, with and without retention.

`uv run python bench/event_log.py` takes some minutes and 2 GB of disk. A snapshot run and a history
run of a simulated account are real; their rows are then copied as often as the schedules would run
them (every 5 and every 15 minutes), day by day, each day with partitions of its own. Every day ends
with a prune. The first days, when nothing is old enough, tell what is written where nothing is
removed; the last days tell what stays. Sizes are `pg_total_relation_size` after VACUUM, which
autovacuum does in a deployment: space is used again, not given back to the disk.
"""

import argparse
import os
import shutil
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import psycopg
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.components.exchange_account import account_definitions
from alphapulse_pipeline.components.schedules import recent_days
from alphapulse_pipeline.health.event_log import SUCCESSFUL, prune
from alphapulse_pipeline.settings.deployment import read_deployment
from alphapulse_pipeline.settings.environment import POSTGRES_URL
from alphapulse_pipeline.warehouse import schema
from alphapulse_pipeline.warehouse.embedded import embedded_server
from exchange_simulator import DEMO_KEY, DEMO_SECRET, World, serve

TARGET = 0.1
"""A year with retention takes at most so much of one without."""
PROJECT = Path(__file__).parents[1]
A_DAY = {"snapshot": 288, "history": 96}

_COPY = """
CREATE TEMP TABLE made AS
    SELECT %(template)s AS template, gen_random_uuid()::text AS run_id,
        %(day)s::timestamp + n * interval '1 day' / %(many)s AS at
    FROM generate_series(0, %(many)s - 1) AS n;
INSERT INTO runs (run_id, snapshot_id, pipeline_name, status, run_body, create_timestamp,
        update_timestamp, start_time, end_time)
    SELECT m.run_id, snapshot_id, pipeline_name, status, replace(run_body, template, m.run_id),
        at, at, extract(epoch FROM at), extract(epoch FROM at) + 2
    FROM made m JOIN runs r ON r.run_id = template ORDER BY at;
INSERT INTO run_tags (run_id, key, value)
    SELECT m.run_id, key, value FROM made m JOIN run_tags r ON r.run_id = template;
WITH copied AS (
    INSERT INTO event_logs (run_id, event, dagster_event_type, timestamp, step_key, asset_key,
            partition)
        SELECT m.run_id, replace(event, template, m.run_id), dagster_event_type, at, step_key,
            asset_key, to_char(partition::date + (%(day)s::date - %(today)s::date), 'YYYY-MM-DD')
        FROM made m JOIN event_logs e ON e.run_id = template ORDER BY at, e.id
        RETURNING id, asset_key, dagster_event_type, timestamp)
INSERT INTO asset_event_tags (event_id, asset_key, key, value, event_timestamp)
    SELECT id, asset_key, 'dagster/data_version', gen_random_uuid()::text, timestamp
    FROM copied WHERE dagster_event_type = 'ASSET_MATERIALIZATION';
INSERT INTO asset_check_executions (asset_key, check_name, partition, run_id, execution_status,
        evaluation_event, evaluation_event_timestamp, evaluation_event_storage_id,
        materialization_event_storage_id, create_timestamp)
    SELECT asset_key, check_name,
        to_char(partition::date + (%(day)s::date - %(today)s::date), 'YYYY-MM-DD'), m.run_id,
        execution_status, replace(evaluation_event, template, m.run_id), at,
        evaluation_event_storage_id, materialization_event_storage_id, at
    FROM made m JOIN asset_check_executions c ON c.run_id = template ORDER BY at, c.id;
UPDATE asset_keys SET last_run_id = (SELECT run_id FROM made ORDER BY at DESC LIMIT 1)
    WHERE last_run_id IN (SELECT template FROM made) OR asset_key IN (
        SELECT asset_key FROM event_logs WHERE run_id = %(template)s);
DROP TABLE made
"""

_SIZE = """
SELECT sum(pg_total_relation_size(oid)) FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--days", type=int, default=30)
    options = parser.parse_args()
    if options.days < SUCCESSFUL.days + 3:
        parser.error(f"--days: at least {SUCCESSFUL.days + 3}, for retention to have an effect")
    with (
        tempfile.TemporaryDirectory(prefix="ap") as folder,
        embedded_server(Path(folder)) as server,
        serve(World(genesis=datetime.now(UTC) - timedelta(days=3)), limits=False) as simulator,
    ):
        url = schema.ensure_database(server.url("postgres"), "bench")
        schema.migrate(url)
        templates = _real_runs(Path(folder), url, simulator.url)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("SET synchronous_commit = off")
            # what is copied from must not grow old itself
            connection.execute("UPDATE runs SET end_time = end_time + 1e9")
            return _days(connection, url, templates, options.days)


def _days(connection: Connection[TupleRow], url: str, templates: dict[str, str], days: int) -> int:
    """Print what each day leaves; compare a year of what it wrote with a year of what stays."""
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    sizes = [_size(connection)]
    slowest = 0.0
    for day in (today + timedelta(days=number) for number in range(1, days + 1)):
        for kind, template in templates.items():
            chosen = {"template": template, "many": A_DAY[kind], "day": day, "today": today}
            psycopg.ClientCursor(connection).execute(_COPY.encode(), chosen)
        started = time.monotonic()
        removed = prune(url, day + timedelta(days=1), 3600)
        seconds = time.monotonic() - started
        slowest = max(slowest, seconds)
        sizes.append(_size(connection))
        print(f"day {len(sizes) - 1:3}: {sizes[-1] / 1e6:7.1f} MB, {seconds:5.2f} s, {removed}",
              flush=True)  # fmt: skip
    whole = SUCCESSFUL.days
    written = (sizes[whole] - sizes[0]) / whole
    stays = max(sizes[-1] - sizes[whole + 2], 0) / (days - whole - 2)
    without, kept = written * 365, sizes[whole + 2] + stays * (365 - whole - 2)
    print(f"written a day: {written / 1e6:.1f} MB; staying of it: {stays / 1e6:.2f} MB")
    print(f"a daily prune takes at most {slowest:.1f} s")
    print(f"a year: {without / 1e9:.2f} GB without retention, {kept / 1e9:.2f} GB with it: "
          f"{kept / without:.3f} (target {TARGET})")  # fmt: skip
    return 0 if kept / without <= TARGET else 1


def _size(connection: Connection[TupleRow]) -> int:
    connection.execute("VACUUM ANALYZE")
    ((size,),) = connection.execute(_SIZE).fetchall()
    return int(size)


def _real_runs(home: Path, url: str, door: str) -> dict[str, str]:
    """The ids of a snapshot and of a history run without news."""
    [account] = [a for a in read_deployment().accounts if a.name == "bybit"]
    names = account.environment
    os.environ |= {
        POSTGRES_URL: url,
        "DAGSTER_HOME": str(home),
        "DAGSTER_DISABLE_TELEMETRY": "1",
        names.api_key: DEMO_KEY,
        names.api_secret: DEMO_SECRET,
        names.api_url: door,
    }
    shutil.copyfile(PROJECT / "dagster.yaml", home / "dagster.yaml")
    definitions = account_definitions(account)
    tags = {"snapshot": {}, "history": dict(recent_days(account).tags)}
    found = {}
    with dg.DagsterInstance.from_config(str(home)) as instance:
        for kind in [*A_DAY, *A_DAY]:  # the second time there is no news
            job = definitions.resolve_job_def(f"bybit_{kind}")
            run = job.execute_in_process(instance=instance, tags=tags[kind])
            found[kind] = run.run_id
    return found


if __name__ == "__main__":
    sys.exit(main())
