"""Rate limits of the endpoints (documentation: "Rate Limit Rules").

Requests are counted per user id and endpoint in a rolling window. Every answer reports what is
left. Windows use real time even if the exchange's clock is frozen or ahead, since they limit how
fast a client really sends requests.
"""

from collections import deque
from time import monotonic_ns
from typing import NamedTuple


class Limit(NamedTuple):
    requests: int
    window: int = 1000
    """Milliseconds."""


class Allowance(NamedTuple):
    granted: bool
    limit: int
    left: int
    reset_at: int

    @property
    def headers(self) -> dict[str, str]:
        return {
            "X-Bapi-Limit": str(self.limit),
            "X-Bapi-Limit-Status": str(self.left),
            "X-Bapi-Limit-Reset-Timestamp": str(self.reset_at),
        }


class Limiter:
    def __init__(self, strict: bool) -> None:
        """A limiter that is not `strict` counts requests but never rejects one."""
        self._strict = strict
        self._visits: dict[tuple[int, str], deque[int]] = {}

    def visit(self, uid: int, path: str, limit: Limit, now: int) -> Allowance:
        """`now`: the exchange's time, which the reset time in the answer refers to."""
        moment = monotonic_ns() // 1_000_000
        visits = self._visits.setdefault((uid, path), deque())
        while visits and visits[0] <= moment - limit.window:
            visits.popleft()
        if self._strict and len(visits) >= limit.requests:
            wait = visits[0] + limit.window - moment
            return Allowance(False, limit.requests, 0, now + wait)
        visits.append(moment)
        return Allowance(True, limit.requests, max(limit.requests - len(visits), 0), now)
