"""Rate limits of private endpoints (documentation: "Spot REST Rate Limits",
docs.kraken.com/api/docs/guides/spot-rest-ratelimits, and "What are the API rate limits?",
support.kraken.com/articles/206548367; both undated).

Each key has a counter. A call adds its cost; "the user's counter is reduced every couple of
seconds": by one at a time, as often as the tier says. A call that would exceed the maximum is
rejected. "Additional calls will be restricted for a few seconds (or possibly longer if calls
continue to be made)": a rejected call fills the counter up. Time is real time, since the limits are
about how fast a client really sends requests.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from exchange_simulator.traffic import Tier


class _Allowed(NamedTuple):
    highest: int
    seconds: float
    """In which the counter falls by one."""


TIERS: dict[Tier, _Allowed] = {
    "starter": _Allowed(15, 1 / 0.33),
    "intermediate": _Allowed(20, 1 / 0.5),
    "pro": _Allowed(20, 1),
}

HISTORY = 2
"""Cost of a call for ledgers or the trade history; any other call costs 1."""


@dataclass(slots=True)
class _Counter:
    value: int
    fell_at: float


class Limiter:
    def __init__(self, tier: Tier = "starter", clock: Callable[[], float] = time.time) -> None:
        """`clock` returns seconds."""
        self._highest, self._seconds = TIERS[tier]
        self._clock = clock
        self._counters: dict[str, _Counter] = {}

    def visit(self, key: str, cost: int) -> bool:
        """Count a call; whether it is allowed."""
        now = self._clock()
        counter = self._counters.setdefault(key, _Counter(0, now))
        steps = int((now - counter.fell_at) / self._seconds)
        counter.value = max(counter.value - steps, 0)
        counter.fell_at += steps * self._seconds
        granted = counter.value + cost <= self._highest
        counter.value = counter.value + cost if granted else self._highest
        return granted
