"""How often each endpoint may be asked (documentation: "Rate Limit Rules").

Limits are counted per user id and endpoint in a rolling window. Every answer tells what is left.
"""

from collections import deque
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
    def __init__(self) -> None:
        self._visits: dict[tuple[int, str], deque[int]] = {}

    def visit(self, uid: int, path: str, limit: Limit, now: int) -> Allowance:
        visits = self._visits.setdefault((uid, path), deque())
        while visits and visits[0] <= now - limit.window:
            visits.popleft()
        if len(visits) >= limit.requests:
            return Allowance(False, limit.requests, 0, visits[0] + limit.window)
        visits.append(now)
        return Allowance(True, limit.requests, limit.requests - len(visits), now)
