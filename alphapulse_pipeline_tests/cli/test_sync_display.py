"""What `alphapulse sync` shows while it runs, and what is left of it in a log."""

import io
import logging

import pytest
from rich.console import Console

from alphapulse_pipeline.cli import output, sync_display
from alphapulse_pipeline.cli.sync_display import Display, display
from alphapulse_pipeline.warehouse.progress import Pace, Progress, clock, percentage

READING = {
    "kind": "progress",
    "account": "kraken",
    "dataset": "trades",
    "rows": 4100,
    "requests": 82,
    "seconds": 123.4,
    "share": 0.41,
    "left": 177.5,
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
    assert str(Progress("kraken", "trades", 4100, 82, 123.0, 0.41, left=177.0)) == (
        "kraken/trades: 41 % read, 4,100 rows, 82 requests, 2:03 so far, about 2:57 left"
    )
    assert str(Progress("kraken", "trades", seconds=2.0, share=0.0)) == (
        "kraken/trades: 0 % read, 0 rows, 0 requests, 0:02 so far"
    )


@pytest.mark.parametrize(
    ("seen", "left"),
    [
        ([(t, t / 100) for t in range(50)], None),  # too short
        ([(t, t / 100) for t in range(70)], 31),
        # the pace of the last minute counts: it was ten times as fast at the beginning
        (
            [(t / 10, t / 200) for t in range(100)]
            + [(t, 0.4 + t / 100 / 10) for t in range(10, 91)],
            510,
        ),
        ([(t, 0.5) for t in range(100)], None),
        ([(t, min(0.3, t / 100)) for t in range(70)], None),  # has stopped
        ([(t, max(0.1, t / 100 - 0.2)) for t in range(70)], None),  # has become fast
        ([(0, 0.0), (100, 0.5)], None),  # nothing in between
    ],
)
def test_the_remaining_time_is_estimated_once_the_pace_is_steady(
    seen: list[tuple[float, float]], left: float | None
) -> None:
    pace = Pace()
    *_, last = (pace.left(seconds, share) for seconds, share in seen)
    assert last == (left if left is None else pytest.approx(left, rel=0.02))


def test_without_a_terminal_lines_come_at_a_modest_pace(
    written: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    with display() as shown:
        shown.phase("histories", ["kraken", "okx"])
        shown.event("kraken", {"kind": "began", "datasets": ["trades"]})
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
        shown.event("kraken", {"kind": "done", "results": []})
    assert written.getvalue().splitlines() == [
        "kraken/trades: 41 % read, 4,100 rows, 82 requests, 2:03 so far, about 2:57 left "
        "(throttled)",
        "kraken/trades: completed, 10,000 rows in 123.4 s",
        "error: okx/ledger, transfers: the key may not",
        "error: okx/trades: failed for the same reason as ledger",
        "error: okx/orders: not found",
    ]


def lines(shown: Display, written: io.StringIO) -> list[str]:
    """What a terminal shows now."""
    written.seek(0)
    written.truncate()
    output.stderr().print(shown.table())
    return written.getvalue().splitlines()


def log(text: str) -> dict[str, object]:
    return {"kind": "log", "level": logging.INFO, "text": text}


def test_a_terminal_shows_what_runs_in_full(written: io.StringIO) -> None:
    shown = Display(live=False)
    shown.phase("Step 2 of 3, histories", ["bybit", "kraken", "okx"])
    for account in ("kraken", "bybit"):
        shown.event(account, {"kind": "began", "datasets": ["trades", "ledger"]})
    shown.event("bybit", {"kind": "done", "results": [{"error": None}]})
    shown.event("kraken", READING | {"dataset": "ledger", "status": "completed"})
    shown.event("kraken", READING)
    shown.event("kraken", log("at the exchange's rate limit, continuing in 6 s (normal)"))
    shown.event("portfolio", {"kind": "began", "datasets": [*"123456789"]})
    table = READING | {"account": "portfolio", "rows": 0, "share": None, "left": None}
    shown.event("portfolio", table | {"dataset": "value", "status": "completed"})
    shown.event("portfolio", table | {"dataset": "prices", "seconds": 1.2})
    assert lines(shown, written) == [
        "Step 2 of 3, histories: 1/3 accounts done, 0:00 since the start",
        "  account  dataset            history read           rows     time  left",
        "  bybit    done",
        "  kraken   trades, 2 of 2     ####------  41 %      4,100     2:03  about 2:57",
        "  okx      waiting",
        "  kraken: at the exchange's rate limit, continuing in 6 s (normal)",
        "  portfolio tables: prices, 2 of 9, 0:01",
        "  Ctrl-C stops safely: the next sync resumes from here",
    ]


def test_a_terminal_says_what_an_account_does(written: io.StringIO) -> None:
    shown = Display(live=False)
    shown.phase("Preparing the database")
    assert lines(shown, written) == ["Preparing the database, 0:00 since the start"]
    shown.phase("histories", ["okx"])

    def now() -> str:
        [line] = [line for line in lines(shown, written) if line.startswith("  okx  ")]
        return line.removeprefix("  okx").strip()

    shown.event("okx", {"kind": "began", "datasets": ["trades"]})
    assert now() == "starting"
    shown.event("okx", log("okx: loading the list of markets"))
    assert now() == "loading the list of markets"
    begun = READING | {"account": "okx", "rows": 0, "share": None, "left": None}
    shown.event("okx", begun | {"dataset": "balances"})
    assert now() == "balances, 1 of 1   storing"
    shown.event("okx", begun)
    assert now() == "trades, 1 of 1     finding what to read"
    shown.event("okx", log("okx/trades: reading 2026-09-20 to 2026-11-28 17:20 UTC"))
    assert now() == "trades, 1 of 1     waiting for the first answer"
    assert "  okx/trades: reading 2026-09-20 to 2026-11-28 17:20 UTC" in lines(shown, written)
    shown.event("okx", begun | {"status": "completed"})
    assert now() == "recording the result"
    shown.event("okx", {"kind": "died", "error": "killed"})
    assert now() == "failed"


def test_many_accounts_that_wait_leave_the_running_ones_on_the_screen(written: io.StringIO) -> None:
    shown = Display(live=False)
    shown.phase("histories", [f"account{number}" for number in range(30)])
    shown.event("account7", {"kind": "began", "datasets": ["trades"]})
    assert [line.strip() for line in lines(shown, written)[1:-1]] == ["account7  starting"]


def test_warnings_are_counted_and_begin_with_the_account(written: io.StringIO) -> None:
    shown = Display(live=False)
    for text in ("okx/trades bybit: late", "okx: the key expires", "unknown"):
        shown.event("okx", {"kind": "log", "level": logging.WARNING, "text": text})
    assert shown.warnings == 3
    assert written.getvalue().splitlines() == [
        "warning: okx/trades bybit: late",
        "warning: okx: the key expires",
        "warning: okx: unknown",
    ]
