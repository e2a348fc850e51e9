"""One request to an endpoint: its parameters, validated like Kraken does."""

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from exchange_simulator.keys import Key
from exchange_simulator.kraken.answers import INVALID_ARGUMENTS, Refused
from exchange_simulator.kraken.directory import Directories
from exchange_simulator.state import ExchangeState

Result = dict[str, Any] | list[Any]


@dataclass(frozen=True, slots=True)
class Call:
    exchange: ExchangeState
    directories: Directories
    params: dict[str, str]
    now: int
    key: Key

    def text(self, name: str) -> str:
        return self.params.get(name, "")

    def flag(self, name: str, default: bool = False) -> bool:
        """Accepts `true`, `True` and 1."""
        value = self.text(name).lower()
        return value in ("true", "1") if value else default

    def integer(self, name: str, default: int = 0) -> int:
        value = self.text(name)
        if not value:
            return default
        if not (value.isascii() and value.isdigit()):
            raise Refused(INVALID_ARGUMENTS)
        return int(value)

    def choice(self, name: str, *allowed: str) -> str:
        """One of `allowed`; the first is the default."""
        value = self.text(name) or allowed[0]
        if value not in allowed:
            raise Refused(INVALID_ARGUMENTS)
        return value

    def ids(self, name: str, most: int) -> list[str]:
        """A mandatory comma-separated list."""
        found = [part.strip() for part in self.text(name).split(",") if part.strip()]
        if not 1 <= len(found) <= most:
            raise Refused(INVALID_ARGUMENTS)
        return found

    def timestamp(self, name: str) -> Decimal | None:
        """Seconds; None if the parameter is not a number."""
        try:
            value = Decimal(self.text(name))
        except InvalidOperation:
            return None
        return value if value.is_finite() and value >= 0 else None
