"""How often each endpoint may be asked (documentation: "Rate Limit Rules").

Limits are counted per user id and endpoint in a rolling window. Every answer tells what is left.
Windows roll in real time, also where the exchange's clock stands still or is ahead: they are about
how fast a client really asks.
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
        """A limiter that is not `strict` counts, but lets everybody in."""
        self._strict = strict
        self._visits: dict[tuple[int, str], deque[int]] = {}

    def visit(self, uid: int, path: str, limit: Limit, now: int) -> Allowance:
        """`now`: the exchange's time, in which callers are told when to come back."""
        moment = monotonic_ns() // 1_000_000
        visits = self._visits.setdefault((uid, path), deque())
        while visits and visits[0] <= moment - limit.window:
            visits.popleft()
        if self._strict and len(visits) >= limit.requests:
            wait = visits[0] + limit.window - moment
            return Allowance(False, limit.requests, 0, now + wait)
        visits.append(moment)
        return Allowance(True, limit.requests, max(limit.requests - len(visits), 0), now)
