"""What `alphapulse sync` shows while it runs, and what is left of it in a log."""

import io
import logging
import time

import pytest
from rich.console import Console

from alphapulse_pipeline.cli import output, sync_display
from alphapulse_pipeline.cli.sync_display import Display, display
from alphapulse_pipeline.warehouse.progress import Progress, clock, percentage

READING = {
    "kind": "progress",
    "account": "kraken",
    "dataset": "trades",
    "rows": 4100,
    "requests": 82,
    "seconds": 123.0,
    "share": 0.41,
    "status": "started",
    "error": None,
}


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    text = io.StringIO()
    console = Console(file=text, width=110, force_terminal=False)
    monkeypatch.setattr(output, "stderr", lambda: console)
    return text


def test_words_for_times_and_shares() -> None:
    assert [clock(s) for s in (7, 750, 3723)] == ["0:07", "12:30", "1:02:03"]
    assert percentage(0.99999) == "99 %"
    assert str(Progress("kraken", "trades", 4100, 82, 123.0, 0.41)) == (
        "kraken/trades: 41 %, 4,100 rows, 82 requests, 33 rows/s, after 2:03, about 2:57 left"
    )
    assert str(Progress("kraken", "trades", seconds=2.0, share=0.0)) == (
        "kraken/trades: 0 %, 0 rows, 0 requests, 0 rows/s, after 0:02"
    )


def test_without_a_terminal_lines_come_at_a_modest_pace(
    written: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    with display() as shown:
        shown.phase("histories", 2)
        shown.event("kraken", {"kind": "began"})
        for _ in range(100):
            shown.event("kraken", READING)
            shown.event("kraken", {"kind": "log", "level": logging.INFO, "text": "throttled"})
            shown.refresh()
        assert written.getvalue() == ""
        monkeypatch.setattr(sync_display, "_LINES_EVERY", 0.0)
        shown.refresh()
        shown.event("kraken", READING | {"status": "completed", "rows": 10_000})
        for _ in range(2):  # the event of the dataset, and the result of its run
            shown.failed("okx", ["ledger", "transfers"], "the key may not")
        shown.failed("okx", ["trades"], "the key may not")
        shown.failed("okx", ["orders"], "not found")
        shown.event("kraken", {"kind": "done"})
    assert written.getvalue().splitlines() == [
        "kraken/trades: 41 %, 4,100 rows, 82 requests, 33 rows/s, after 2:03, about 2:57 left "
        "(throttled)",
        "kraken/trades: completed, 10,000 rows in 2:03, 81 rows/s",
        "error: okx/ledger, transfers: the key may not",
        "error: okx/trades: failed for the same reason as ledger",
        "error: okx/orders: not found",
    ]


def test_a_terminal_shows_what_runs_in_full(written: io.StringIO) -> None:
    shown = Display(None)
    shown.phase("histories", 3)
    for account in ("bybit", "kraken"):
        shown.event(account, {"kind": "began"})
    shown.event("bybit", {"kind": "done"})
    shown.event("kraken", READING)
    note = "the exchange throttled a request: waiting 6 seconds; its rate limit sets the pace"
    shown.event("kraken", {"kind": "log", "level": logging.INFO, "text": note})
    time.sleep(0.01)
    output.stderr().print(shown._table())
    head, line, below = written.getvalue().splitlines()
    assert head.startswith("histories: 1/3 accounts done")
    for words in ("kraken  trades", "41 %", "4,100 rows", "33/s", "2:03, 2:57 left"):
        assert words in line
    assert "throttled a request: waiting 6 seconds" in below
