"""How an exchange can behave in earnest without anything being wrong: rows that turn up late, a
history that loses its oldest rows while it is read, rows that are added meanwhile."""

from dataclasses import dataclass
from decimal import Decimal

from exchange_simulator.noise import mix

_SLOTS = 1_000_000


@dataclass(frozen=True, slots=True)
class Quirks:
    late_share: Decimal = Decimal(0)
    """This share of all rows (0 to 1) is served only ..."""
    late: int = 0
    """... this many milliseconds after it happened."""
    forgets: int = 0
    """With every private request, histories begin this many milliseconds later than at first."""
    begin: int = 0
    """When histories begin at first (ms since 1970), if the world is older than that."""
    hurry: int = 0
    """With every private request, the exchange's clock moves on by this many milliseconds."""

    def delay(self, number: int) -> int:
        """By how many milliseconds the row of this number is late."""
        # a row is late or not whoever asks: the number alone decides
        chosen = self.late and mix(number, _SLOTS) % _SLOTS < self.late_share * _SLOTS
        return self.late if chosen else 0
