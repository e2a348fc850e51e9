"""What a sync without news costs with ten million stored fills, beside one with ten thousand.

`uv run python bench/no_news.py` takes some minutes and 5 GB of disk. Two databases hold the same
account, read whole from a simulated exchange; then fills are added behind its back, as many as the
one and the other is to hold, with a short `raw`. Syncs of the fills' yesterday and today, as the
schedule asks for them, checks included, run by turns, each in a process of its own; what is
measured is the run alone, by the clock and in processor time.
"""

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg

from alphapulse_pipeline.settings.environment import POSTGRES_URL
from alphapulse_pipeline.warehouse import schema
from alphapulse_pipeline.warehouse.embedded import embedded_server
from exchange_simulator import DEMO_KEY, DEMO_SECRET, World, serve

TARGET = 1.1
PROJECT = Path(__file__).parents[1]

_FILLS = """
INSERT INTO alphapulse.trades (account, market, trade_id, side, wallet, order_id, executed_at,
    price, amount, cost, fee_cost, fee_currency, taker_or_maker, kind, raw, run_id, recorded_at)
SELECT 'bybit', 'BTC/USDT', 'filler-' || n, 'buy', 'unified', 'order-' || n / 3,
    now() - interval '3 days' - n * interval '1 second', 50000, 0.001, 50, 0.05, 'USDT', 'taker',
    'trade', '{}', 'filler', now() - interval '3 days'
FROM generate_series(1, %s) AS n
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--many", type=int, default=10_000_000)
    parser.add_argument("--few", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="ap") as home,
        embedded_server(Path(home)) as server,
        serve(World(genesis=datetime.now(UTC) - timedelta(days=2)), limits=False) as simulator,
    ):
        environment = {}
        for name, fills in (("few", options.few), ("many", options.many)):
            url = schema.ensure_database(server.url("postgres"), f"bench_{name}")
            schema.migrate(url)
            environment[name] = _environment(Path(home) / name, url, simulator.url)
            _run(environment[name])
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute(_FILLS, [fills])
                connection.execute("VACUUM ANALYZE")
                connection.execute("CHECKPOINT")
            _run(environment[name])
            print(f"{fills} fills stored", flush=True)
        costs: dict[str, list[tuple[float, float]]] = {"few": [], "many": []}
        for _ in range(options.rounds):
            for name in costs:
                costs[name].append(_run(environment[name]))
    ratios = {}
    for place, what in enumerate(("wall", "CPU")):
        few, many = (statistics.median(cost[place] for cost in costs[n]) for n in ("few", "many"))
        ratios[what] = many / few
        print(f"{what:5} {few:.3f} s and {many:.3f} s: {many / few:.3f} (target {TARGET})")
    return 0 if all(ratio <= TARGET for ratio in ratios.values()) else 1


def _environment(home: Path, url: str, door: str) -> dict[str, str]:
    home.mkdir()
    shutil.copyfile(PROJECT / "dagster.yaml", home / "dagster.yaml")
    return {
        **os.environ,
        POSTGRES_URL: url,
        "DAGSTER_HOME": str(home),
        "DAGSTER_DISABLE_TELEMETRY": "1",
        "BYBIT_API_KEY": DEMO_KEY,
        "BYBIT_API_SECRET": DEMO_SECRET,
        "BYBIT_API_URL": door,
    }


def _run(environment: dict[str, str]) -> tuple[float, float]:
    run = subprocess.run(
        [sys.executable, __file__, "sync"], stdout=subprocess.PIPE, check=True, env=environment
    )
    wall, cpu = json.loads(run.stdout)
    return float(wall), float(cpu)


def _sync() -> None:
    from alphapulse_pipeline.cli import runs
    from alphapulse_pipeline.settings.deployment import read_deployment

    [account] = [a for a in read_deployment().accounts if a.name == "bybit"]
    yesterday = datetime.now(UTC) - timedelta(days=1)
    runs.materialize(account, ["trades"], yesterday)  # to warm up
    before, started = resource.getrusage(resource.RUSAGE_SELF), time.monotonic()
    run = runs.materialize(account, ["trades"], yesterday)
    wall, after = time.monotonic() - started, resource.getrusage(resource.RUSAGE_SELF)
    if not run.success:
        raise SystemExit(f"the sync failed: {run.error}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(json.dumps([wall, cpu]))


if __name__ == "__main__":
    if sys.argv[1:] == ["sync"]:
        _sync()
    else:
        raise SystemExit(main())
