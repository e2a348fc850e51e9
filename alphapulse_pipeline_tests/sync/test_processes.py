"""Concurrent and killed runs: no row is lost or doubled, and no two clients overlap."""

import itertools
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date

from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.settings.accounts import Account
from alphapulse_pipeline.sync.histories import history, whole_history
from alphapulse_pipeline.sync.session import open_session
from alphapulse_pipeline.warehouse.writer import write
from alphapulse_pipeline_tests.conftest import NOW_MS
from alphapulse_pipeline_tests.sync.truth import stored, true
from exchange_simulator import Simulator

Make = Callable[..., Account]


def sync_trades(account: Account, url: str, run_id: str) -> None:
    with open_session(account, url, run_id) as session:
        batches = history(session, "trades", whole_history(session), fill=True)
        write(session.connection, batches, run_id)


def test_two_runs_at_once_are_never_two_clients(
    simulator: Simulator, make_account: Make, database: str, db: Connection[TupleRow]
) -> None:
    account = make_account(simulator.url, history_start=date(2026, 10, 1))
    with ThreadPoolExecutor(2) as pool:
        runs = [pool.submit(sync_trades, account, database, name) for name in ("one", "two")]
        for run in runs:
            run.result(timeout=120)
    clients = sorted(simulator.clients(), key=lambda client: float(client["first"]))
    # the second run only reads times that the lag has released since
    assert clients
    for earlier, later in itertools.pairwise(clients):
        assert earlier["client"] != later["client"]
        assert earlier["last"] < later["first"]
    log = db.execute("SELECT run_id, status FROM alphapulse.sync_log").fetchall()
    assert sorted(log) == [("one", "completed"), ("two", "completed")]


def test_a_run_waits_for_the_one_before_it(
    simulator: Simulator, make_account: Make, database: str
) -> None:
    account = make_account(simulator.url, history_start=date(2026, 10, 14))
    with ThreadPoolExecutor(1) as pool:
        with open_session(account, database, "first"):
            second = pool.submit(sync_trades, account, database, "second")
            time.sleep(0.5)
            assert not second.done()
            assert simulator.clients() == []
        second.result(timeout=120)
    (client,) = simulator.clients()
    assert "second" in client["client"]


VICTIM = """
    import sys, time
    from alphapulse_pipeline.settings.accounts import Account, AccountSettings
    from alphapulse_pipeline.sync.histories import history, whole_history
    from alphapulse_pipeline.sync.session import open_session
    from alphapulse_pipeline.warehouse import writer

    account = Account("bybit", AccountSettings.model_validate_json(sys.argv[1]))
    commit, commits = writer._commit, 0

    def counted(*arguments):
        global commits
        written = commit(*arguments)
        commits += 1
        if commits == 4:
            # in the middle of a transaction that has written its rows
            print("killed", flush=True)
            time.sleep(60)
        return written

    writer._commit = counted
    with open_session(account, sys.argv[2], "victim") as session:
        batches = history(session, "trades", whole_history(session), fill=True)
        writer.write(session.connection, batches, "victim")
"""


def test_a_killed_run_is_finished_by_the_next(
    simulator: Simulator, make_account: Make, database: str, db: Connection[TupleRow]
) -> None:
    account = make_account(simulator.url)
    settings = account.settings.model_dump_json()
    victim = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(VICTIM), settings, database],
        stdout=subprocess.PIPE,
        env=os.environ.copy(),
    )
    try:
        assert victim.stdout is not None
        assert victim.stdout.readline() == b"killed\n"
    finally:
        victim.send_signal(signal.SIGKILL)
        victim.wait(60)
        if victim.stdout is not None:
            victim.stdout.close()
    truth = true(simulator.truth(NOW_MS), "trades")
    before = stored(db, "trades", "bybit")
    assert before < truth  # some are there, not all
    proved = db.execute("SELECT count(*) FROM alphapulse.coverage WHERE covered <> '{}'").fetchone()
    assert proved is not None
    assert proved[0] > 0
    status = db.execute("SELECT status FROM alphapulse.sync_log").fetchall()
    assert status == [("started",)]  # its end was not recorded; the view reports it as died

    # A frozen clock would let the next run begin before the victim's last moment; the
    # world has nothing new in this second.
    simulator.set_clock(lambda: NOW_MS + 5000)
    assert true(simulator.truth(NOW_MS + 5000), "trades") == truth
    sync_trades(account, database, "next")
    assert stored(db, "trades", "bybit") == truth
    ranges = db.execute(
        "SELECT (SELECT count(*) FROM unnest(covered)) FROM alphapulse.coverage"
    ).fetchall()
    assert set(ranges) == {(1,)}  # contiguous
    assert db.execute("SELECT * FROM alphapulse.coverage_gaps").fetchall() == []
