"""The database stops, or its disk is full, in the middle of a backfill: nothing is lost."""

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from psycopg import Connection
from psycopg.errors import DiskFull
from psycopg.rows import TupleRow

from alphapulse_pipeline.settings.accounts import Account
from alphapulse_pipeline.sync.histories import history, whole_history
from alphapulse_pipeline.sync.session import open_session
from alphapulse_pipeline.sync.snapshots import snapshot
from alphapulse_pipeline.warehouse import schema, writer
from alphapulse_pipeline.warehouse.connection import DatabaseFailure, connect
from alphapulse_pipeline.warehouse.embedded import embedded_server
from alphapulse_pipeline.warehouse.writer import write
from alphapulse_pipeline_tests.cli.running import stop_postgres
from alphapulse_pipeline_tests.conftest import NOW_MS
from alphapulse_pipeline_tests.sync.truth import stored, true
from exchange_simulator import Simulator

Make = Callable[..., Account]
LATER_MS = NOW_MS + 5000
"""The clock of the run that continues: later than any time that the first run may have read."""


@pytest.fixture
def home() -> Iterator[Path]:
    """The home directory of a server that only this test uses."""
    with tempfile.TemporaryDirectory(prefix="ap") as folder:
        yield Path(folder)


@contextmanager
def database(home: Path) -> Iterator[str]:
    """The URL of a running server, which is stopped at the end."""
    with embedded_server(home) as running:
        url = schema.ensure_database(running.url("postgres"), "alphapulse")
        schema.migrate(url)
        yield url


def in_the_middle(monkeypatch: pytest.MonkeyPatch, act: Callable[[Any], None]) -> None:
    """Call `act` once, in the fourth transaction, before its rows are written."""
    commit, commits = writer._commit, iter(range(1_000_000))

    def interrupted(cursor: Any, *more: Any) -> Any:
        if next(commits) == 3:
            act(cursor)
        return commit(cursor, *more)

    monkeypatch.setattr(writer, "_commit", interrupted)


def sync_trades(account: Account, url: str, run_id: str) -> None:
    with open_session(account, url, run_id) as session:
        batches = history(session, "trades", whole_history(session), fill=True)
        write(session.connection, batches, run_id)


def assert_all_is_there(db: Connection[TupleRow], simulator: Simulator, at: int) -> None:
    assert stored(db, "trades", "bybit") == true(simulator.truth(at), "trades")
    count = db.execute("SELECT count(*), count(DISTINCT trade_id) FROM alphapulse.trades")
    assert len(set(count.fetchone() or ())) == 1
    ranges = db.execute("SELECT (SELECT count(*) FROM unnest(covered)) FROM alphapulse.coverage")
    assert set(ranges.fetchall()) == {(1,)}
    assert db.execute("SELECT * FROM alphapulse.coverage_gaps").fetchall() == []


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_database_that_is_stopped_and_started_again(
    simulator: Simulator,
    make_account: Make,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    how: signal.Signals,
) -> None:
    account = make_account(simulator.url)
    with database(home) as url:
        in_the_middle(monkeypatch, lambda _: stop_postgres(home, how))
        with pytest.raises(DatabaseFailure, match="the next run continues where this one ended"):
            sync_trades(account, url, "victim")
        with database(home) as url, connect(url) as db:
            before = stored(db, "trades", "bybit")
            assert before < true(simulator.truth(NOW_MS), "trades")
            status = "SELECT status, error_kind FROM alphapulse.sync_status"
            status += " WHERE dataset = 'trades'"
            assert db.execute(status.encode()).fetchone() == ("failed", "died")
            simulator.set_clock(lambda: LATER_MS)
            sync_trades(account, url, "next")
            assert before
            assert_all_is_there(db, simulator, LATER_MS)
            assert db.execute(status.encode()).fetchone() == ("completed", None)


@contextmanager
def small_disk(folder: Path, owner: int) -> Iterator[Path]:
    """A file system of 12 MB."""
    disk = folder / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", disk], check=True)
    try:
        place = disk / "tablespace"
        place.mkdir(mode=0o700)
        os.chown(place, owner, owner)
        yield place
    finally:
        for _ in range(50):
            if subprocess.run(["umount", disk], check=False, capture_output=True).returncode == 0:
                break
            time.sleep(0.1)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small file system")
def test_a_disk_that_is_full(simulator: Simulator, make_account: Make, home: Path) -> None:
    account = make_account(simulator.url)
    with database(home) as url, connect(url) as db:
        owner = (home / "postgres" / "data").stat().st_uid
        with tempfile.TemporaryDirectory(prefix="ap") as folder:
            Path(folder).chmod(0o755)
            with small_disk(Path(folder), owner) as place:
                db.execute(f"CREATE TABLESPACE small LOCATION '{place}'".encode())
                db.execute("ALTER TABLE alphapulse.trades SET TABLESPACE small")
                db.execute("CREATE TABLE filler (text text) TABLESPACE small")
                fill = "INSERT INTO filler SELECT repeat(md5(i::text), 200)"
                fill += " FROM generate_series(1, %s) AS i"
                for rows in (1000, 100, 10):  # all but a few pages
                    with suppress(DiskFull):
                        while True:
                            db.execute(fill.encode(), [rows])
                with pytest.raises(DatabaseFailure, match=r"disk is full: .*; free some space"):
                    sync_trades(account, url, "victim")
                status = "SELECT status, error_kind, error FROM alphapulse.sync_status"
                status += " WHERE dataset = 'trades'"
                status_row = db.execute(status.encode()).fetchone()
                assert status_row is not None
                assert status_row[:2] == ("failed", "database")
                assert "free some space" in status_row[2]
                # other datasets go on: their tables are elsewhere
                with open_session(account, url, "other") as session:
                    write(session.connection, snapshot(session, "balances"), "other")
                db.execute("DROP TABLE filler")
                db.execute("ALTER TABLE alphapulse.trades SET TABLESPACE pg_default")
                simulator.set_clock(lambda: LATER_MS)
                sync_trades(account, url, "next")
                assert_all_is_there(db, simulator, LATER_MS)
                db.execute("DROP TABLESPACE small")
