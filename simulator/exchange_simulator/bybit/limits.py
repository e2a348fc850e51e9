"""Rate limits (documentation: "Rate Limit Rules", bybit-exchange.github.io/docs/v5/rate-limit,
2026-07-24).

Requests are counted per user id and endpoint in a rolling window, and every answer reports what is
left. All requests together are counted per address: above 600 in 5 seconds, the address is banned
for ten minutes. Windows use real time even if the exchange's clock is frozen or ahead, since they
limit how fast a client really sends requests.
"""

import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple


class Limit(NamedTuple):
    requests: int
    window: int = 1000
    """Milliseconds."""


PER_ADDRESS = Limit(600, 5000)
BAN = 600
"""Seconds."""


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
    def __init__(self, strict: bool, clock: Callable[[], float] = time.time) -> None:
        """A limiter that is not `strict` counts requests but never rejects one. `clock` returns
        seconds."""
        self._strict = strict
        self._clock = clock
        self._visits: dict[tuple[int, str], deque[int]] = {}
        self._arrivals: dict[str, deque[float]] = {}
        self._banned_until: dict[str, float] = {}

    def arrive(self, ip: str) -> bool:
        """Count a request of an address; whether it is answered."""
        now = self._clock()
        arrivals = self._arrivals.setdefault(ip, deque())
        while arrivals and arrivals[0] <= now - PER_ADDRESS.window / 1000:
            arrivals.popleft()
        arrivals.append(now)
        if len(arrivals) > PER_ADDRESS.requests:
            self._banned_until[ip] = now + BAN
        return not self._strict or self._banned_until.get(ip, 0) <= now

    def visit(self, uid: int, path: str, limit: Limit, now: int) -> Allowance:
        """`now`: the exchange's time, which the reset time in the answer refers to."""
        moment = int(self._clock() * 1000)
        visits = self._visits.setdefault((uid, path), deque())
        while visits and visits[0] <= moment - limit.window:
            visits.popleft()
        if self._strict and len(visits) >= limit.requests:
            wait = visits[0] + limit.window - moment
            return Allowance(False, limit.requests, 0, now + wait)
        visits.append(moment)
        return Allowance(True, limit.requests, max(limit.requests - len(visits), 0), now)
