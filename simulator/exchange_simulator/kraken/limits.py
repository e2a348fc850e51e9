"""Rate limits of private endpoints (documentation: "Spot REST Rate Limits").

Each key has a counter. A call adds its cost, and the counter decays over time; a call that would
exceed the maximum is rejected and does not count. Time is real time, since the limits are about how
fast a client really sends requests.
"""

from decimal import Decimal
from time import monotonic_ns

HIGHEST = Decimal(15)
DECAY = Decimal("0.33")
"""Per second. These are the limits of the lowest tier, "Starter"."""

HISTORY = 2
"""Cost of a call for ledgers or the trade history; any other call costs 1."""


class Limiter:
    def __init__(self) -> None:
        self._counters: dict[str, tuple[Decimal, int]] = {}

    def visit(self, key: str, cost: int) -> bool:
        """Count a call; whether it is allowed."""
        moment = monotonic_ns()
        counter, before = self._counters.get(key, (Decimal(0), moment))
        counter = max(counter - DECAY * (moment - before) / 1_000_000_000, Decimal(0))
        granted = counter + cost <= HIGHEST
        self._counters[key] = (counter + cost if granted else counter, moment)
        return granted
