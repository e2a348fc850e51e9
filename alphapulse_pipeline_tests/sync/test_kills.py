"""kill -9 at any moment of a backfill: no row is lost or doubled, no coverage is wrong."""

import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from typing import Any

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.datasets import HISTORIES
from alphapulse_pipeline.exchange.feed import to_time
from alphapulse_pipeline.settings.accounts import Account
from alphapulse_pipeline.sync.session import supported
from alphapulse_pipeline_tests.conftest import NOW_MS
from alphapulse_pipeline_tests.sync.truth import stored, sync_all, true, true_candles
from exchange_simulator import Simulator

Make = Callable[..., Account]

VICTIM = """
    import json, sys
    from dataclasses import replace
    from alphapulse_pipeline.exchange.venues import VENUES
    from alphapulse_pipeline.datasets import HISTORIES
    from alphapulse_pipeline.settings.accounts import Account, AccountSettings
    from alphapulse_pipeline.sync.histories import history, whole_history
    from alphapulse_pipeline.sync.session import open_session, supported
    from alphapulse_pipeline.warehouse.writer import write

    name, settings, url = sys.argv[1:]
    venue = VENUES[name]
    VENUES[name] = replace(venue, settings={**venue.settings, "enableRateLimit": False})
    account = Account(name, AccountSettings.model_validate_json(settings))
    with open_session(account, url, "victim") as session:
        print("ready", flush=True)
        for dataset in supported(account):
            if dataset in HISTORIES:
                batches = history(session, dataset, whole_history(session), fill=True)
                write(session.connection, batches, "victim")
    print("done", flush=True)
"""


def kill_one(account: Account, url: str, after: float) -> bool:
    """Start a backfill and kill it `after` seconds. Returns whether it had already finished."""
    victim = subprocess.Popen(
        [
            sys.executable,
            "-c",
            textwrap.dedent(VICTIM),
            account.name,
            account.settings.model_dump_json(),
            url,
        ],
        stdout=subprocess.PIPE,
        env=os.environ.copy(),
    )
    assert victim.stdout is not None
    with victim.stdout:
        assert victim.stdout.readline() == b"ready\n"
        try:
            victim.wait(after)
        except subprocess.TimeoutExpired:
            victim.send_signal(signal.SIGKILL)
            victim.wait(60)
        return victim.stdout.readline() == b"done\n"


def kill_many(
    simulator: Simulator,
    make: Callable[[], Account],
    url: str,
    db: Connection[TupleRow],
    times: int,
) -> None:
    account = make()
    exchange = account.settings.exchange
    truth = simulator.truth(NOW_MS, exchange=exchange)
    histories = [dataset for dataset in supported(account) if dataset in HISTORIES]

    def wanted(dataset: str, found: set[tuple[Any, ...]], now: int) -> set[tuple[Any, ...]]:
        if dataset != "candles":
            return true(truth, dataset)
        markets, world = {row[0] for row in found}, simulator.world.on(exchange)
        return true_candles(world, markets, account.settings.history_start, to_time(now))

    dice = random.Random(times)
    killed = 0
    for _ in range(times):
        # of random speed, so that kills hit all parts of a backfill
        simulator.set_faults(f"delay={dice.choice(['0.02', '0.05', '0.2'])}")
        killed += not kill_one(make(), url, after=dice.uniform(0, 1.5))
        for dataset in histories:
            found = stored(db, dataset, account.name)
            assert found <= wanted(dataset, found, NOW_MS), dataset
    assert killed > times // 2
    simulator.set_faults()
    deadline = time.monotonic() + 60  # until the server notices the kill and releases the lock
    while db.execute("SELECT FROM pg_locks WHERE locktype = 'advisory'").fetchall():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    # later than the killed runs: with a frozen clock, their exchange time was off by the latency of
    # an answer
    simulator.set_clock(lambda: NOW_MS + 5_000)
    truth = simulator.truth(NOW_MS + 5_000, exchange=exchange)
    sync_all(make(), url)
    for dataset in histories:
        found = stored(db, dataset, account.name)
        assert found == wanted(dataset, found, NOW_MS + 5_000), dataset
    torn = db.execute(
        "SELECT dataset, stream, covered FROM alphapulse.coverage"
        " WHERE (SELECT count(*) FROM unnest(covered)) <> 1"
    ).fetchall()
    assert torn == []
    assert db.execute("SELECT * FROM alphapulse.coverage_gaps").fetchall() == []


def test_a_backfill_that_is_killed_again_and_again(
    simulator: Simulator, make_account: Make, database: str, db: Connection[TupleRow]
) -> None:
    kill_many(simulator, lambda: make_account(simulator.url), database, db, times=3)


@pytest.mark.nightly
@pytest.mark.parametrize("exchange", ["bybit", "binance"])
def test_a_backfill_that_is_killed_fifty_times(
    exchange: str, simulator: Simulator, make_account: Make, database: str, db: Connection[TupleRow]
) -> None:
    def make() -> Account:  # created for each run, since its clock offset is fixed
        return make_account(simulator.url, exchange, exchange=exchange)

    kill_many(simulator, make, database, db, times=50)
