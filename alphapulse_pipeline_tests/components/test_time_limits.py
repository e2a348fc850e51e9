"""How long a run may take, and the end of a process that does not stop by itself."""

import faulthandler
import logging
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from typing import Any

import dagster as dg
import pytest
import yaml
from dagster._daemon.auto_run_reexecution.auto_run_reexecution import filter_runs_to_should_retry
from dagster._daemon.monitoring.run_monitoring import monitor_started_run
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.cli.workspace import dagster_yaml
from alphapulse_pipeline.components.time_limits import LONGEST, MAX_RUNTIME, process_ends_in_time
from alphapulse_pipeline.definitions import defs
from alphapulse_pipeline.settings.accounts import Account
from alphapulse_pipeline.warehouse.connection import account_is_busy
from exchange_simulator import Simulator

HANGING = """
    import re, signal, sys
    from datetime import timedelta
    from alphapulse_pipeline.components import time_limits
    from alphapulse_pipeline.warehouse.connection import account_lock, connect

    time_limits._GRACE = timedelta(0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with (
        time_limits.process_ends_in_time({time_limits.MAX_RUNTIME: "3"}),
        connect(sys.argv[1]) as connection,
        account_lock(connection, "bybit"),
    ):
        print("holding", flush=True)
        re.match("(a+)+$", "a" * 64 + "b")  # keeps the interpreter's lock for ages
"""


def test_a_process_that_ignores_signals_ends_and_frees_its_account(
    database: str, db: Connection[TupleRow]
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(HANGING), database],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "holding\n"
        assert account_is_busy(db, "bybit")
        process.terminate()
        _, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 1
    assert "Timeout (0:00:03)!" in errors
    assert "in match" in errors
    deadline = time.monotonic() + 60  # until the server notices
    while account_is_busy(db, "bybit"):
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture
def deadlines(monkeypatch: pytest.MonkeyPatch) -> list[float | None]:
    """The deadlines that processes were given; None: it was lifted."""
    found: list[float | None] = []

    def begin(seconds: float, *, exit: bool, file: Any) -> None:
        assert exit
        assert file.fileno()
        found.append(seconds)

    monkeypatch.setattr(faulthandler, "dump_traceback_later", begin)
    monkeypatch.setattr(faulthandler, "cancel_dump_traceback_later", lambda: found.append(None))
    return found


@pytest.mark.parametrize(
    ("tag", "seconds"),
    [("60", 360), ("1.5", 301.5), ("abc", 86700), ("1e999", 86700), ("nan", 86700), ("", 86700)],
)
def test_the_deadline_is_after_the_runs_limit(
    tag: str, seconds: float, deadlines: list[float | None]
) -> None:
    with process_ends_in_time({MAX_RUNTIME: tag} if tag else {}):
        assert deadlines == [seconds]
    assert deadlines == [seconds, None]


def test_a_run_without_a_limit_has_no_deadline(deadlines: list[float | None]) -> None:
    with process_ends_in_time({MAX_RUNTIME: "0"}):
        assert deadlines == []


def test_the_process_of_a_run_has_a_deadline(
    simulator: Simulator,
    make_account: Callable[..., Account],
    run_job: Callable[..., dg.ExecuteInProcessResult],
    deadlines: list[float | None],
) -> None:
    assert run_job(make_account(simulator.url), "snapshot").success
    assert deadlines == [1800 + 300, None]


def test_every_run_has_a_limit_that_the_daemon_enforces() -> None:
    monitoring = yaml.safe_load(dagster_yaml().read_text())["run_monitoring"]
    assert monitoring["enabled"]
    assert monitoring["max_runtime_seconds"] == LONGEST.total_seconds()
    jobs = defs().jobs or ()
    assert {job.name for job in jobs} >= {"bybit_snapshot", "bybit_history", "portfolio"}
    for job in jobs:
        assert 0 < int((job.tags or {})[MAX_RUNTIME]) <= LONGEST.total_seconds()


def test_a_run_that_exceeded_its_limit_is_ended_and_not_started_again(
    instance: dg.DagsterInstance, db: Connection[TupleRow]
) -> None:
    """Its successor would exceed it as well, and keep the account from being synced."""

    @dg.job
    def hanging() -> None: ...

    run = instance.create_run_for_job(
        hanging, status=dg.DagsterRunStatus.STARTED, tags={MAX_RUNTIME: "1800"}
    )
    for age, status in ((1790, "STARTED"), (1810, "FAILURE")):
        db.execute("UPDATE public.runs SET start_time = %s", [time.time() - age])
        [record] = instance.get_run_records()
        monitor_started_run(instance, None, record, logging.getLogger("test"))  # type: ignore[arg-type]
        [record] = instance.get_run_records()
        assert record.dagster_run.status.value == status
    assert list(filter_runs_to_should_retry([record.dagster_run], instance)) == []
    assert "exceeding maximum runtime of 1800 seconds" in str(instance.all_logs(run.run_id))
