"""How often each endpoint may be asked (documentation: "Rate Limit" of every page).

Private endpoints count per user id, public ones per address, some of them per instrument or type of
instrument as well. Windows roll in real time, also where the exchange's clock stands still: they
are about how fast a client really asks. OKX does not tell what is left.
"""

from collections import deque
from time import monotonic_ns
from typing import NamedTuple


class Limit(NamedTuple):
    requests: int
    window: int = 2000
    """Milliseconds."""
    by: str = ""
    """A parameter whose values each have an allowance of their own."""


class Limiter:
    def __init__(self) -> None:
        self._visits: dict[tuple[str, ...], deque[int]] = {}

    def admits(self, visitor: tuple[str, ...], limit: Limit) -> bool:
        """Whether one more request is within the limit; a refused one does not count."""
        moment = monotonic_ns() // 1_000_000
        visits = self._visits.setdefault(visitor, deque())
        while visits and visits[0] <= moment - limit.window:
            visits.popleft()
        if len(visits) >= limit.requests:
            return False
        visits.append(moment)
        return True
