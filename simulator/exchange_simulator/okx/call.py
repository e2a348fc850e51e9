"""One request to an endpoint: its parameters, validated like OKX does."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from exchange_simulator.keys import Key
from exchange_simulator.markets import Market
from exchange_simulator.okx.answers import Refused
from exchange_simulator.okx.instruments import INST_TYPES, inst_id, inst_type
from exchange_simulator.state import ExchangeState
from exchange_simulator.world import World

Data = list[dict[str, Any]] | list[list[str]]

MOST_ROWS = 100


@dataclass(frozen=True, slots=True)
class Call:
    exchange: ExchangeState
    params: dict[str, str]
    now: int
    key: Key

    @property
    def world(self) -> World:
        return self.exchange.world

    def text(self, name: str) -> str:
        return self.params.get(name, "")

    def texts(self, name: str) -> set[str]:
        """The values of a comma-separated list; empty if the parameter is missing."""
        return set(filter(None, self.text(name).split(",")))

    def required(self, name: str) -> str:
        value = self.text(name)
        if not value:
            raise Refused(50014, name)
        return value

    def integer(self, name: str) -> int | None:
        value = self.text(name)
        if not value:
            return None
        if not (value.isascii() and value.isdigit()):
            raise Refused(51000, name)
        return int(value)

    def inst_type(self, *, required: bool) -> str:
        value = self.required("instType") if required else self.text("instType")
        if value and value not in INST_TYPES:
            raise Refused(51000, "instType")
        return value

    def limit(self, most: int = MOST_ROWS) -> int:
        """Values above the maximum are capped."""
        value = self.integer("limit")
        if value is None:
            return most
        if value < 1:
            raise Refused(51000, "limit")
        return min(value, most)

    def named(self) -> Callable[[Market], bool]:
        """Filter of markets by the requested instrument or family."""
        names, family = self.texts("instId"), self.text("instFamily") or self.text("uly")

        def asked_for(market: Market) -> bool:
            return (not names or inst_id(market) in names) and (
                not family or f"{market.base}-{market.quote}" == family
            )

        return asked_for

    def of_market(self) -> Callable[[Market], bool]:
        """Like `named`, and by the requested instrument type."""
        type, named = self.inst_type(required=False), self.named()
        return lambda market: (not type or inst_type(market) == type) and named(market)
