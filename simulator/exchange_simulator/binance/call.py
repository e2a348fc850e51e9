"""One request to an endpoint: its parameters, validated like Binance does."""

from dataclasses import dataclass, field
from typing import Any

from exchange_simulator.binance.answers import Refused, invalid, missing
from exchange_simulator.binance.symbols import market_of
from exchange_simulator.keys import Key
from exchange_simulator.markets import Kind, Market
from exchange_simulator.state import ExchangeState
from exchange_simulator.world import World

Result = dict[str, Any] | list[dict[str, Any]] | list[list[Any]]

_SIGNING = frozenset({"timestamp", "recvWindow", "signature"})


@dataclass(frozen=True, slots=True)
class Call:
    exchange: ExchangeState
    params: dict[str, str]
    now: int
    key: Key
    kind: Kind
    """Kind of the endpoint's markets."""
    read: set[str] = field(default_factory=lambda: set(_SIGNING))

    @property
    def world(self) -> World:
        return self.exchange.world

    def text(self, name: str) -> str:
        self.read.add(name)
        return self.params.get(name, "")

    def required(self, name: str) -> str:
        value = self.text(name)
        if not value:
            raise missing(name)
        return value

    def integer(self, name: str) -> int | None:
        value = self.text(name)
        if not value:
            return None
        if not value.isdigit():
            raise Refused(
                -1100,
                f"Illegal characters found in parameter '{name}'; "
                "legal range is '^[0-9]{1,20}$'.",
            )
        return int(value)

    def market(self) -> Market:
        """The market of the mandatory symbol; it may be delisted."""
        market = market_of(self.world, self.kind, self.required("symbol"))
        if market is None:
            raise Refused(-1121)
        if self.world.layout.forgets_delisted and not market.listed(self.now):
            raise Refused(-1121)
        return market

    def listed_market(self) -> Market | None:
        """The market of the optional symbol."""
        symbol = self.text("symbol")
        if not symbol:
            return None
        market = market_of(self.world, self.kind, symbol)
        if market is None or not market.listed(self.now):
            raise Refused(-1121)
        return market

    def limit(self, default: int, most: int, name: str = "limit") -> int:
        """Values above the maximum are rejected."""
        value = self.integer(name)
        if value is None:
            return default
        if not 1 <= value <= most:
            raise invalid(name)
        return value

    def capped(self, default: int, most: int) -> int:
        """Values above the maximum are capped, as on spot."""
        value = self.integer("limit")
        if value == 0:
            raise invalid("limit")
        return min(value or default, most)

    def unread(self) -> set[str]:
        """Names of parameters that were sent but not used."""
        return self.params.keys() - self.read
