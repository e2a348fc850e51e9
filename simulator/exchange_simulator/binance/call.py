"""One request to an endpoint: its parameters, checked as Binance checks them."""

from dataclasses import dataclass, field
from typing import Any

from exchange_simulator.binance.answers import Refused, invalid, missing
from exchange_simulator.binance.symbols import market_of
from exchange_simulator.exchange import Exchange
from exchange_simulator.keys import Key
from exchange_simulator.markets import Kind, Market
from exchange_simulator.world import World

Result = dict[str, Any] | list[dict[str, Any]]

_SIGNING = frozenset({"timestamp", "recvWindow", "signature"})


@dataclass(frozen=True, slots=True)
class Call:
    exchange: Exchange
    params: dict[str, str]
    now: int
    key: Key
    kind: Kind
    """Of the markets that this endpoint is about."""
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
        """The market of the mandatory symbol, be it delisted."""
        market = market_of(self.world, self.kind, self.required("symbol"))
        if market is None:
            raise Refused(-1121)
        return market

    def listed_market(self) -> Market | None:
        """The market of an optional symbol."""
        symbol = self.text("symbol")
        if not symbol:
            return None
        market = market_of(self.world, self.kind, symbol)
        if market is None or not market.listed(self.now):
            raise Refused(-1121)
        return market

    def limit(self, default: int, most: int, name: str = "limit") -> int:
        """Asking for more than the cap is refused."""
        value = self.integer(name)
        if value is None:
            return default
        if not 1 <= value <= most:
            raise invalid(name)
        return value

    def capped(self, default: int, most: int) -> int:
        """Asking for more than the cap gets the cap, as spot does it."""
        value = self.integer("limit")
        if value == 0:
            raise invalid("limit")
        return min(value or default, most)

    def unread(self) -> set[str]:
        """What was sent and is not known here."""
        return self.params.keys() - self.read
