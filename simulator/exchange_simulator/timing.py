"""Timing effects of a healthy exchange: rows that become visible late, histories whose oldest rows
expire during a read, and rows that arrive between two pages."""

from dataclasses import dataclass
from decimal import Decimal

from exchange_simulator.pseudorandom import mix

_SLOTS = 1_000_000


@dataclass(frozen=True, slots=True)
class Timing:
    late_share: Decimal = Decimal(0)
    """Share of all rows (0 to 1) that become visible late."""
    late_by: int = 0
    """Delay of late rows in milliseconds."""
    history_step: int = 0
    """Milliseconds by which the start of all histories advances with every private request."""
    history_start: int = 0
    """Start of all histories (ms since 1970), if the world is older."""
    clock_step: int = 0
    """Milliseconds by which the exchange's clock advances with every private request."""

    def delay(self, number: int) -> int:
        """Delay in milliseconds of the row with this number."""
        # depends on the number alone, so a row is late for every caller
        chosen = self.late_by and mix(number, _SLOTS) % _SLOTS < self.late_share * _SLOTS
        return self.late_by if chosen else 0
