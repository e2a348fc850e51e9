"""What `alphapulse sync` shows on stderr while it runs.

In a terminal a table of what runs now, below the lines of what has ended, which stay. Elsewhere,
e.g. in a log, only lines: of what has ended, and twice a minute of what runs. The table is drawn by
a thread of its own, so that its clock does not stop.
"""

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from alphapulse_pipeline.cli import output
from alphapulse_pipeline.cli.sync_workers import PORTFOLIO
from alphapulse_pipeline.datasets import SNAPSHOTS
from alphapulse_pipeline.settings.printable import escape
from alphapulse_pipeline.warehouse.progress import Progress, clock, percentage

_LINES_EVERY = 30.0
_NOTE_LASTS = 20.0
"""Seconds for which the latest message of an account is shown below the table."""
_BAR = 10
_DATASET = len("transfers, 6 of 6")
_MANY = 10
"""With more accounts, those that wait or are done have no line, or the table outgrows a screen."""
_HEADINGS = f"{'dataset':<{_DATASET}}  {'history read':<{_BAR + 6}}  {'rows':>9}  {'time':>7}"
"""Of what `_row` writes, to the right of the account; then the time left, where it is known."""
_WAITING, _DONE, _FAILED = "waiting", "done", "failed"


@dataclass
class _Line:
    """An account in the table."""

    doing: str = _WAITING
    """What happens while no dataset is being written."""
    datasets: int = 0
    """How many this step reads."""
    ended: int = 0
    found: Progress | None = None
    """Of the dataset that is being written."""
    since: float = field(default_factory=time.monotonic)
    """When that came."""
    note: str = ""
    noted: float = 0.0

    def news(self) -> str:
        """The latest message, unless it is old."""
        return self.note if time.monotonic() - self.noted < _NOTE_LASTS else ""

    @property
    def runs(self) -> bool:
        return self.doing not in (_WAITING, _DONE, _FAILED)


class Display:
    """The accounts that are syncing now, and how far they are."""

    def __init__(self, *, live: bool) -> None:
        self._live = live
        """Whether a terminal shows `table`."""
        self._began = self._lines_at = time.monotonic()
        self._title = ""
        self._lines: dict[str, _Line] = {}
        """In the order of the result."""
        self._failed: set[tuple[str, str]] = set()
        self._errors: dict[tuple[str, str], str] = {}
        """By account and error: the dataset that failed with it first."""
        self.warnings = 0

    @property
    def seconds(self) -> float:
        """Since the command began."""
        return time.monotonic() - self._began

    def phase(self, title: str, accounts: Sequence[str] = ()) -> None:
        """Begin with something that takes seconds, or with a step for these accounts."""
        self._title = title
        self._lines = {name: _Line() for name in accounts}

    def event(self, account: str, event: Any) -> None:
        """An event of `sync_worker`."""
        line = self._lines.setdefault(account, _Line())
        match event["kind"]:
            case "progress":
                known = {k: v for k, v in event.items() if k != "kind"}
                self._progress(line, Progress(**known))
            case "log":
                self._log(account, line, event["level"], event["text"])
            case "began":
                line.doing, line.datasets = "starting", len(event["datasets"])
            case _ if account == PORTFOLIO:
                del self._lines[account]
            case "died":
                line.doing, line.found = _FAILED, None
            case _:
                failed = any(result["error"] for result in event["results"])
                line.doing, line.found = _FAILED if failed else _DONE, None

    def failed(self, account: str, datasets: Sequence[str], error: str) -> None:
        """Say why datasets failed, once."""
        if news := [d for d in datasets if (account, d) not in self._failed]:
            self._failed |= {(account, dataset) for dataset in news}
            first = self._errors.setdefault((account, error), news[0])
            reason = error if first in news else f"failed for the same reason as {first}"
            output.error(f"{account}/{', '.join(news)}: {reason}")

    def refresh(self) -> None:
        """Print what runs, if it is time for that and no terminal shows it anyway."""
        if not self._live and time.monotonic() - self._lines_at >= _LINES_EVERY:
            self._lines_at = time.monotonic()
            for account, line in self._lines.items():
                note = line.news()
                if line.found is not None:
                    output.note(f"{_now(line.found, line.since)}{f' ({note})' if note else ''}")
                elif line.runs and note:
                    output.note(_of(account, note))

    def _progress(self, line: _Line, found: Progress) -> None:
        if line.found is None:  # its messages are about the one before
            line.note = ""
        line.found, line.since = found, time.monotonic()
        if found.status != "started":  # first, since a terminal redraws whenever a line is printed
            line.found, line.ended = None, line.ended + 1
            line.doing = "recording the result"
        if found.status == "completed" and found.account != PORTFOLIO:
            output.note(
                f"{found.account}/{found.dataset}: completed, {found.rows:,} rows in "
                f"{found.seconds:,.1f} s"
            )
        elif found.status == "failed":
            self.failed(found.account, [found.dataset], found.error or "")

    def _log(self, account: str, line: _Line, level: int, text: str) -> None:
        if level >= logging.WARNING:
            self.warnings += 1
            output.warn(_of(account, text))
            return
        line.note, line.noted = text.removeprefix(f"{account}: "), time.monotonic()
        if line.found is None:
            line.doing = line.note

    def table(self) -> Any:
        """What a terminal shows now; called by a thread of its own."""
        from rich.text import Text

        text = Text(no_wrap=True, overflow="ellipsis")
        text.append(self._head(), "bold")
        # copies: the other thread goes on
        lines = {name: replace(line) for name, line in list(self._lines.items())}
        refresh = lines.pop(PORTFOLIO, None)
        shown = {a: n for a, n in lines.items() if n.runs or len(lines) <= _MANY}
        wide = max(map(len, ("account", *shown)))
        if any(line.found for line in shown.values()):
            left = "  left" if any(n.found and n.found.left for n in shown.values()) else ""
            text.append(f"\n  {'account':<{wide}}  {_HEADINGS}{left}", "dim")
        for account, line in shown.items():
            text.append(f"\n  {account:<{wide}}  {escape(_row(line))}")
        for account, line in shown.items():
            # all has been read at 100 %, whatever the last message was
            if line.found is not None and line.found.share != 1 and (note := line.news()):
                text.append(f"\n  {escape(_of(account, note))}", "dim")
        if refresh is not None:
            text.append(f"\n  portfolio tables: {_row(refresh)}")
        if lines or refresh is not None:
            text.append("\n  Ctrl-C stops safely: the next sync resumes from here", "dim")
        return text

    def _head(self) -> str:
        accounts = [line for name, line in list(self._lines.items()) if name != PORTFOLIO]
        took = clock(self.seconds)
        if not accounts:
            return f"{self._title}, {took} since the start"
        done = sum(line.doing in (_DONE, _FAILED) for line in accounts)
        return f"{self._title}: {done}/{len(accounts)} accounts done, {took} since the start"


def _of(account: str, text: str) -> str:
    """With the account's name, unless the text begins with it."""
    named = text.startswith((f"{account}:", f"{account}/", f"{account} "))
    return text if named else f"{account}: {text}"


def _now(found: Progress, since: float) -> Progress:
    """With the time that has passed since its last commit."""
    passed = time.monotonic() - since
    left = None if found.left is None or found.left <= passed else found.left - passed
    return replace(found, seconds=found.seconds + passed, left=left)


def _row(line: _Line) -> str:
    """A line of the table, without the account."""
    if line.found is None:
        return line.doing
    found = _now(line.found, line.since)
    dataset = f"{found.dataset}, {min(line.ended + 1, line.datasets)} of {line.datasets}"
    if found.share is None:
        if found.account == PORTFOLIO:
            return f"{dataset}, {clock(found.seconds)}"
        if found.dataset in SNAPSHOTS:  # read as a whole before
            doing = "storing"
        else:
            doing = "waiting for the first answer" if line.note else "finding what to read"
        return f"{dataset:<{_DATASET}}  {doing}"
    full = int(_BAR * found.share)
    return (
        f"{dataset:<{_DATASET}}  {'#' * full}{'-' * (_BAR - full)} {percentage(found.share):>5}"
        f"  {found.rows:>9,}  {clock(found.seconds):>7}"
        + (f"  about {clock(found.left)}" if found.left else "")
    )


@contextmanager
def display() -> Iterator[Display]:
    """A live display in a terminal, which is gone at the end; lines elsewhere."""
    console = output.stderr()
    if not console.is_terminal:
        yield Display(live=False)
        return
    from rich.live import Live

    shown = Display(live=True)
    with Live(get_renderable=shown.table, console=console, transient=True):
        yield shown
