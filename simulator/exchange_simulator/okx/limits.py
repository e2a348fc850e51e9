"""Rate limits of the endpoints (documentation: "Rate Limit" of every page).

Private endpoints count per user id, public ones per address, some also per instrument or instrument
type. Windows use real time even if the exchange's clock is frozen, since they limit how fast a
client really sends requests. OKX does not report what is left.
"""

import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple


class Limit(NamedTuple):
    requests: int
    window: int = 2000
    """Milliseconds."""
    by: str = ""
    """A parameter whose values are counted separately."""


class Limiter:
    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        """`clock` returns seconds."""
        self._clock = clock
        self._visits: dict[tuple[str, ...], deque[int]] = {}

    def admits(self, visitor: tuple[str, ...], limit: Limit) -> bool:
        """Whether one more request is within the limit; rejected requests do not count."""
        moment = int(self._clock() * 1000)
        visits = self._visits.setdefault(visitor, deque())
        while visits and visits[0] <= moment - limit.window:
            visits.popleft()
        if len(visits) >= limit.requests:
            return False
        visits.append(moment)
        return True
