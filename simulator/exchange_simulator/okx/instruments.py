"""OKX's market names (documentation: "Get instruments")."""

from collections.abc import Iterator
from typing import Literal

from exchange_simulator.markets import Market
from exchange_simulator.world import World

InstType = Literal["SPOT", "MARGIN", "SWAP", "FUTURES", "OPTION"]
INST_TYPES: tuple[InstType, ...] = ("SPOT", "MARGIN", "SWAP", "FUTURES", "OPTION")

_KINDS: dict[str, tuple[Literal["spot", "linear", "inverse"], ...]] = {
    "SPOT": ("spot",),
    "MARGIN": ("spot",),
    "SWAP": ("linear", "inverse"),
}


def inst_id(market: Market) -> str:
    """`BTC-USDT`, `BTC-USDT-SWAP`, `BTC-USD-SWAP`."""
    pair = f"{market.base}-{market.quote}"
    return pair if market.kind == "spot" else f"{pair}-SWAP"


def inst_type(market: Market) -> InstType:
    """The market's type for this account, which has no margin trading."""
    return "SPOT" if market.kind == "spot" else "SWAP"


def listed(world: World, type: str, now: int) -> Iterator[Market]:
    """The listed instruments of a type; there are no dated futures or options."""
    for kind in _KINDS.get(type, ()):
        yield from world.catalogue.listed(kind, now)
