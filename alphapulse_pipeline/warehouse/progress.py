"""How far the sync of a dataset is: for the terminal, and every half minute for the run's log."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from alphapulse_pipeline.warehouse.batches import Batches

logger = logging.getLogger(__name__)

_LOG_EVERY = 30.0
_FIRST_ESTIMATE = 0.01
"""The share that must be read before the remaining time is estimated."""


@dataclass(frozen=True, slots=True)
class Progress:
    """The sync of one dataset after a commit."""

    account: str
    dataset: str
    rows: int = 0
    """Inserted or changed so far."""
    requests: int = 0
    seconds: float = 0.0
    share: float | None = None
    """How much of the missing times has been read; None of a snapshot."""
    status: str = "started"
    """As in `sync_log`: started, completed or failed."""
    error: str | None = None

    @property
    def left(self) -> float | None:
        """The estimated remaining seconds; None as long as there is too little to go by."""
        if self.share is None or self.share < _FIRST_ESTIMATE:
            return None
        return self.seconds * (1 - self.share) / self.share

    def __str__(self) -> str:
        parts = [f"{self.rows:,} rows", f"{self.requests:,} requests"]
        if self.share is not None:
            parts.insert(0, percentage(self.share))
        parts += [f"{self.rows / max(self.seconds, 1):,.0f} rows/s", f"after {clock(self.seconds)}"]
        if self.left is not None:
            parts.append(f"about {clock(self.left)} left")
        return f"{self.account}/{self.dataset}: {', '.join(parts)}"


listeners: list[Callable[[Progress], None]] = []
"""Called after each commit in this process, in the thread that writes."""


def percentage(share: float) -> str:
    """Truncated, so that 100 % means that everything has been read."""
    return f"{int(100 * share)} %"


def clock(seconds: float) -> str:
    """0:07, 12:30 or 1:02:03."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


class Reporter:
    """Reports the progress of one dataset."""

    def __init__(self, batches: Batches) -> None:
        self._batches = batches
        self._began = time.monotonic()
        self._logged = self._began
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
        found = Progress(
            self._batches.account,
            self._batches.dataset,
            rows,
            self._batches.requests(),
            time.monotonic() - self._began,
            self._share,
            status,
            error,
        )
        for listener in listeners:
            listener(found)
        return found
