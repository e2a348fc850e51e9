"""Rate limits of the endpoints (documentation: "Rate Limit" of every page).

Private endpoints count per user id, public ones per address, some also per instrument or instrument
type. Windows use real time even if the exchange's clock is frozen, since they limit how fast a
client really sends requests. OKX does not report what is left.
"""

from collections import deque
from time import monotonic_ns
from typing import NamedTuple


class Limit(NamedTuple):
    requests: int
    window: int = 2000
    """Milliseconds."""
    by: str = ""
    """A parameter whose values are counted separately."""


class Limiter:
    def __init__(self) -> None:
        self._visits: dict[tuple[str, ...], deque[int]] = {}

    def admits(self, visitor: tuple[str, ...], limit: Limit) -> bool:
        """Whether one more request is within the limit; rejected requests do not count."""
        moment = monotonic_ns() // 1_000_000
        visits = self._visits.setdefault(visitor, deque())
        while visits and visits[0] <= moment - limit.window:
            visits.popleft()
        if len(visits) >= limit.requests:
            return False
        visits.append(moment)
        return True
