"""How far the sync of a dataset is: for the terminal, and every half minute for the run's log."""

import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from alphapulse_pipeline.warehouse.batches import Batches

logger = logging.getLogger(__name__)

_LOG_EVERY = 30.0
_STEADY_FOR = 60.0
"""Seconds over which the pace must be steady before the remaining time is estimated."""


@dataclass(frozen=True, slots=True)
class Progress:
    """The sync of one dataset after a commit."""

    account: str
    dataset: str
    rows: int = 0
    """Inserted or changed so far."""
    requests: int = 0
    seconds: float = 0.0
    """Since the attempt began, as in `sync_log`."""
    share: float | None = None
    """How much of the missing times has been read, over all streams; None of a snapshot."""
    status: str = "started"
    """As in `sync_log`: started, completed or failed."""
    error: str | None = None
    left: float | None = None
    """The estimated remaining seconds; None unless the pace is steady."""

    def __str__(self) -> str:
        parts = [f"{self.rows:,} rows", f"{self.requests:,} requests"]
        if self.share is not None:
            parts.insert(0, f"{percentage(self.share)} read")
        parts.append(f"{clock(self.seconds)} so far")
        if self.left is not None:
            parts.append(f"about {clock(self.left)} left")
        return f"{self.account}/{self.dataset}: {', '.join(parts)}"


listeners: list[Callable[[Progress], None]] = []
"""Called with each report in this process, in the thread that writes."""


def report(found: Progress) -> None:
    """Pass it to all listeners."""
    for listener in listeners:
        listener(found)


def percentage(share: float) -> str:
    """Truncated, so that 100 % means that everything has been read."""
    return f"{int(100 * share)} %"


def clock(seconds: float) -> str:
    """0:07, 12:30 or 1:02:03."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


class Pace:
    """Estimates the remaining time from the last seconds.

    The pace changes within a dataset: pages come fast until the exchange's limit is reached, and
    quiet streams are read in one page. An estimate from the beginning would be far off.
    """

    def __init__(self) -> None:
        self._seen: deque[tuple[float, float]] = deque()
        """(seconds, share), the first at least `_STEADY_FOR` before the last once it is known."""

    def left(self, seconds: float, share: float) -> float | None:
        """The seconds until the share is 1; None unless both halves of the last seconds had about
        the same pace."""
        seen = self._seen
        seen.append((seconds, share))
        while len(seen) > 1 and seen[1][0] <= seconds - _STEADY_FOR:
            seen.popleft()
        began, at_first = seen[0]
        if seconds - began < _STEADY_FOR:
            return None
        middle, by_then = min(seen, key=lambda known: abs(known[0] - (began + seconds) / 2))
        if middle in (began, seconds):
            return None
        paces = (by_then - at_first) / (middle - began), (share - by_then) / (seconds - middle)
        if min(paces) <= 0 or max(paces) > 2 * min(paces):
            return None
        return (1 - share) * (seconds - began) / (share - at_first)


class Reporter:
    """Reports the progress of one dataset."""

    def __init__(self, batches: Batches) -> None:
        self._batches = batches
        self._logged = time.monotonic()
        self._pace = Pace()
        self._share: float | None = None
        self._report(0, "started")

    def committed(self, rows: int, share: float | None) -> None:
        """A batch is stored; `rows` counts all so far."""
        self._share = share
        found = self._report(rows, "started")
        if share is not None and time.monotonic() - self._logged >= _LOG_EVERY:
            self._logged = time.monotonic()
            logger.info("%s", found)

    def completed(self, rows: int) -> None:
        self._report(rows, "completed")

    def failed(self, rows: int, error: str) -> None:
        self._report(rows, "failed", error)

    def _report(self, rows: int, status: str, error: str | None = None) -> Progress:
        seconds = time.monotonic() - self._batches.began
        found = Progress(
            self._batches.account,
            self._batches.dataset,
            rows,
            self._batches.requests(),
            seconds,
            self._share,
            status,
            error,
            None if self._share is None else self._pace.left(seconds, self._share),
        )
        report(found)
        return found
