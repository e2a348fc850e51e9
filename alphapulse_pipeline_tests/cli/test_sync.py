"""`alphapulse sync`: what it refuses before it begins, and how it ends when it is stopped."""

import json
import os
import pty
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from alphapulse_pipeline.portfolio.tables import DERIVED
from alphapulse_pipeline.settings.environment import HOME
from alphapulse_pipeline.warehouse.connection import connect
from alphapulse_pipeline.warehouse.embedded import embedded_server
from alphapulse_pipeline_tests.cli import running


@pytest.fixture
def sync(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The command; the deployed account has credentials, so that it is no demo."""
    monkeypatch.setenv(HOME, str(tmp_path / "home"))
    monkeypatch.setenv("BYBIT_API_KEY", "key")
    monkeypatch.setenv("BYBIT_API_SECRET", "secret")
    return [str(running.COMMAND), "sync", "bybit"]


@pytest.mark.parametrize(
    ("days", "words"),
    [
        (("--since", "2999-01-01"), "--since 2999-01-01 is in the future"),
        (
            ("--until", "2020-01-01"),
            "is before the histories of bybit begin; use 2026-01-01",
        ),
        (("--since", "2026-02-01", "--until", "2026-01-31"), "--since is later than --until"),
        (("--since", "soon"), "is not a day; write it as 2026-01-31"),
    ],
)
def test_days_that_no_history_has_are_one_sentence(
    sync: list[str], days: tuple[str, ...], words: str
) -> None:
    done = subprocess.run([*sync, *days], capture_output=True, text=True, timeout=120)
    assert done.returncode == 2
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_ctrl_c_says_that_it_has_stopped() -> None:
    interrupted = (
        "import os, signal\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from alphapulse_pipeline.cli import app, workspace\n"
        "workspace.usable_deployment = lambda *_: os.kill(os.getpid(), signal.SIGINT)\n"
        "app.main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", interrupted, "sync"], capture_output=True, text=True, timeout=120
    )
    assert (done.returncode, done.stderr) == (128 + signal.SIGINT, "stopped\n")


@pytest.fixture
def demo() -> Iterator[Path]:
    # a short path, because a unix socket's may have about a hundred characters
    with tempfile.TemporaryDirectory(prefix="ap") as folder:
        yield Path(folder) / "home"


def test_ctrl_c_in_a_terminal_stops_every_process_and_restores_the_cursor(demo: Path) -> None:
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ |= {HOME: str(demo), "TERM": "xterm"}
        os.execv(running.COMMAND, [str(running.COMMAND), "sync", "--demo"])  # noqa: S606
    shown = b""
    try:
        while b"0/1 accounts done" not in shown:
            shown += os.read(terminal, 1 << 16)
        os.write(terminal, b"\x03")
        with suppress(OSError):  # the end of a terminal
            while read := os.read(terminal, 1 << 16):
                shown += read
    except BaseException:
        os.kill(pid, signal.SIGKILL)
        raise
    finally:
        _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 128 + signal.SIGINT
    assert shown.rstrip().endswith(b"stopped")
    assert shown.rindex(b"\x1b[?25h") > shown.rindex(b"accounts done")
    left = [
        p.info["cmdline"]
        for p in psutil.process_iter(["cmdline", "environ"])
        if (p.info["environ"] or {}).get(HOME) == str(demo)
    ]
    assert left == []


FILLED = {"exposure", "holdings", "prices", "value", "value_daily"}
"""The derived tables that have rows after a first snapshot of balances."""


def test_a_sync_ends_with_the_portfolio_and_reports_when_that_fails(demo: Path) -> None:
    """The result keeps its shape: one object for each account and dataset."""
    command = ("sync", "--demo", "bybit", "--dataset", "balances", "--json")
    done = running.run(demo, *command)
    assert done.returncode == 0, done.stderr
    with embedded_server(demo) as server, connect(server.url("alphapulse_demo")) as connection:
        for table in DERIVED:
            held = f"SELECT count(*) FROM portfolio.{table.name}"
            [count] = connection.execute(held.encode()).fetchone() or ()
            assert (count > 0) is (table.name in FILLED), table.name
        connection.execute("DROP TABLE portfolio.reconciliation CASCADE")
    done = running.run(demo, *command)
    assert done.returncode == 1
    assert 'not refreshed: psycopg.errors.UndefinedTable: relation "portfolio.' in done.stderr
    printed = json.loads(done.stdout)
    assert printed["ok"] is False
    assert [(r["account"], r["dataset"], r["status"]) for r in printed["results"]] == [
        ("bybit", "balances", "completed")
    ]
