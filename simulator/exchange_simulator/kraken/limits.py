"""How often private endpoints may be called (documentation: "Spot REST Rate Limits").

Each key has a counter. A call adds its cost, time takes some away; a call that would bring the
counter above the highest is refused and does not count. Time is real time, whatever the exchange's
clock says: limits are about how fast a client really asks.
"""

from decimal import Decimal
from time import monotonic_ns

HIGHEST = Decimal(15)
DECAY = Decimal("0.33")
"""A second. These are the figures of the lowest tier, "Starter"."""

HISTORY = 2
"""What a call for ledgers or the history of trades costs; any other costs 1."""


class Limiter:
    def __init__(self) -> None:
        self._counters: dict[str, tuple[Decimal, int]] = {}

    def visit(self, key: str, cost: int) -> bool:
        """Whether the call is granted."""
        moment = monotonic_ns()
        counter, before = self._counters.get(key, (Decimal(0), moment))
        counter = max(counter - DECAY * (moment - before) / 1_000_000_000, Decimal(0))
        granted = counter + cost <= HIGHEST
        self._counters[key] = (counter + cost if granted else counter, moment)
        return granted
