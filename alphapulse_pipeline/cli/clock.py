"""Notices that this machine's clock was set back."""

import time

from alphapulse_pipeline.health.ticks import TOLERANCE


class Clock:
    """Compares the time of day with the monotonic clock, which nobody can set."""

    def __init__(self) -> None:
        self._ahead = time.time() - time.monotonic()

    def set_back(self) -> float:
        """By how many seconds the clock was set back since the last call; 0 if it was not."""
        before, self._ahead = self._ahead, time.time() - time.monotonic()
        seconds = before - self._ahead
        return seconds if seconds > TOLERANCE.total_seconds() else 0.0
