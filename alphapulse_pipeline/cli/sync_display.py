"""What `alphapulse sync` shows on stderr while it runs.

In a terminal a table of what runs now, below the lines of what has ended, which stay. Elsewhere,
e.g. in a log, only lines: of what has ended, and twice a minute of what runs.
"""

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from alphapulse_pipeline.cli import output
from alphapulse_pipeline.cli.sync_workers import PORTFOLIO
from alphapulse_pipeline.settings.printable import escape
from alphapulse_pipeline.warehouse.progress import Progress, clock, percentage

if TYPE_CHECKING:
    from rich.live import Live

_LINES_EVERY = 30.0
_NOTE_LASTS = 20.0
"""Seconds for which the latest message of an account is shown."""
_BAR = 20


class Display:
    """The accounts that are syncing now, and how far they are."""

    def __init__(self, live: "Live | None") -> None:
        self._live = live
        self._began = self._lines_at = time.monotonic()
        self._phase = ""
        self._accounts = 0
        self._done = 0
        self._running: dict[str, tuple[Progress | None, float]] = {}
        """By account: its newest progress, and when that came."""
        self._notes: dict[str, tuple[str, float]] = {}
        self._failed: set[tuple[str, str]] = set()
        self._errors: dict[tuple[str, str], str] = {}
        """By account and error: the dataset that failed with it first."""

    def phase(self, name: str, accounts: int) -> None:
        """Begin with the snapshots, the portfolio or the histories of so many accounts."""
        self._phase, self._accounts, self._done = name, accounts, 0

    def event(self, account: str, event: Any) -> None:
        """An event of `sync_worker`."""
        match event["kind"]:
            case "progress":
                known = {k: v for k, v in event.items() if k != "kind"}
                self._progress(Progress(**known))
            case "log":
                self._log(account, event["level"], event["text"])
            case "began":
                self._running[account] = (None, time.monotonic())
            case _:
                self._done += account != PORTFOLIO
                self._running.pop(account, None)
                self._notes.pop(account, None)

    def failed(self, account: str, datasets: Sequence[str], error: str) -> None:
        """Say why datasets failed, once."""
        if news := [d for d in datasets if (account, d) not in self._failed]:
            self._failed |= {(account, dataset) for dataset in news}
            first = self._errors.setdefault((account, error), news[0])
            reason = error if first in news else f"failed for the same reason as {first}"
            output.error(f"{account}/{', '.join(news)}: {reason}")

    def refresh(self) -> None:
        if self._live is not None:
            self._live.update(self._table(), refresh=True)
        elif time.monotonic() - self._lines_at >= _LINES_EVERY:
            self._lines_at = time.monotonic()
            for account, (found, since) in self._running.items():
                note = self._note(account)
                if found is not None:
                    output.note(f"{self._now(found, since)}{f' ({note})' if note else ''}")
                elif note:
                    output.note(f"{account}: {note}")

    def _progress(self, found: Progress) -> None:
        self._running[found.account] = (found, time.monotonic())
        if found.status == "completed":
            rate = f", {found.rows / found.seconds:,.0f} rows/s" if found.seconds > 5 else ""
            output.note(
                f"{found.account}/{found.dataset}: completed, {found.rows:,} rows in "
                f"{clock(found.seconds)}{rate}"
            )
            self._running[found.account] = (None, time.monotonic())
        elif found.status == "failed":
            self.failed(found.account, [found.dataset], found.error or "")
            self._running[found.account] = (None, time.monotonic())

    def _log(self, account: str, level: int, text: str) -> None:
        if level >= logging.WARNING:
            output.warn(text if text.startswith(account) else f"{account}: {text}")
        else:
            self._notes[account] = (text.removeprefix(f"{account}: "), time.monotonic())

    def _note(self, account: str) -> str:
        text, since = self._notes.get(account, ("", 0.0))
        return text if time.monotonic() - since < _NOTE_LASTS else ""

    @staticmethod
    def _now(found: Progress, since: float) -> Progress:
        """With the time that has passed since its last commit."""
        passed = time.monotonic() - since
        return Progress(
            found.account,
            found.dataset,
            found.rows,
            found.requests,
            found.seconds + passed,
            found.share,
        )

    def _table(self) -> Any:
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        took = clock(time.monotonic() - self._began)
        head = f"{self._phase}: {self._done}/{self._accounts} accounts done, {took} elapsed"
        table = Table.grid(padding=(0, 2))
        for column in range(7):
            table.add_column(no_wrap=True, justify="right" if column > 2 else "left")
        notes = []
        for account, (known, since) in self._running.items():
            if note := self._note(account):
                text = f"  {account}: {escape(note)}"
                notes.append(Text(text, style="dim", no_wrap=True, overflow="ellipsis"))
            if known is None:
                table.add_row(f"  {account}", "refreshing" if account == PORTFOLIO else "starting")
                continue
            found = self._now(known, since)
            share = found.share
            table.add_row(
                f"  {account}",
                found.dataset,
                "" if share is None else ProgressBar(1.0, share, width=_BAR),
                "" if share is None else percentage(share),
                f"{found.rows:,} rows",
                f"{found.rows / max(found.seconds, 1):,.0f}/s",
                clock(found.seconds) + (f", {clock(found.left)} left" if found.left else ""),
            )
        return Group(Text(head, style="bold"), table, *notes)


@contextmanager
def display() -> Iterator[Display]:
    """A live display in a terminal, which is gone at the end; lines elsewhere."""
    console = output.stderr()
    if not console.is_terminal:
        yield Display(None)
        return
    from rich.live import Live

    with Live(console=console, auto_refresh=False, transient=True) as live:
        yield Display(live)
