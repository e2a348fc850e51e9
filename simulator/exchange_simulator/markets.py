"""The markets of the simulated exchanges, by their unified names.

Tick and step sizes are chosen so that price times amount never needs more than eight decimals. The
recorded cost of a fill is then exactly price times amount (except on inverse markets, where it is a
quotient).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, NamedTuple

from exchange_simulator.prices import Prices

if TYPE_CHECKING:
    from exchange_simulator.layout import Layout

Kind = Literal["spot", "linear", "inverse", "option"]
KINDS: tuple[Kind, ...] = ("spot", "linear", "inverse", "option")

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
WEEK = 7 * DAY
FUNDING_PERIOD = 8 * HOUR

_FIRST_FRIDAY = 1 * DAY + 8 * HOUR  # 1970-01-02T08:00Z: options expire on Fridays at 08:00


@dataclass(frozen=True, slots=True)
class Market:
    name: str
    kind: Kind
    base: str
    quote: str
    settle: str
    tick: Decimal
    step: Decimal
    minimum: Decimal
    taker: Decimal
    maker: Decimal
    leverage: Decimal = Decimal(1)
    weight: int = 0
    """How often the trader picks it; 0: never."""
    delisted_at: int | None = None
    strike: Decimal = Decimal(0)
    expiry: int = 0
    right: str = ""

    def listed(self, at: int) -> bool:
        if self.delisted_at is not None and at >= self.delisted_at:
            return False
        return not self.expiry or self.expiry - OPTION_LIFE <= at < self.expiry


OPTION_LIFE = 4 * WEEK
DELISTING_DAY = 80
FORGOTTEN_COIN = "FTM"

_SPOT_FEE = Decimal("0.001")
_PERPETUAL_TAKER = Decimal("0.00055")
_PERPETUAL_MAKER = Decimal("0.0002")


def _spot(base: str, quote: str, tick: str, step: str, weight: int, maker: str = "0.001") -> Market:
    return Market(
        name=f"{base}/{quote}",
        kind="spot",
        base=base,
        quote=quote,
        settle="",
        tick=Decimal(tick),
        step=Decimal(step),
        minimum=Decimal(step),
        taker=_SPOT_FEE,
        maker=Decimal(maker),
        weight=weight,
    )


def _perpetual(
    base: str, quote: str, settle: str, tick: str, step: str, leverage: int, weight: int
) -> Market:
    return Market(
        name=f"{base}/{quote}:{settle}",
        kind="inverse" if settle == base else "linear",
        base=base,
        quote=quote,
        settle=settle,
        tick=Decimal(tick),
        step=Decimal(step),
        minimum=Decimal(step),
        taker=_PERPETUAL_TAKER,
        maker=_PERPETUAL_MAKER,
        leverage=Decimal(leverage),
        weight=weight,
    )


STANDING = (
    _spot("BTC", "USDT", "0.01", "0.000001", 20),
    _spot("ETH", "USDT", "0.01", "0.00001", 14),
    _spot("SOL", "USDT", "0.01", "0.001", 10),
    _spot("XRP", "USDT", "0.0001", "0.01", 8),
    _spot("ETH", "BTC", "0.00001", "0.001", 4),
    # a negative maker fee: market makers get a rebate
    _spot("BTC", "USDC", "0.01", "0.000001", 5, maker="-0.00005"),
    _perpetual("BTC", "USDT", "USDT", "0.1", "0.001", 10, 12),
    _perpetual("ETH", "USDT", "USDT", "0.01", "0.01", 10, 9),
    _perpetual("SOL", "USDT", "USDT", "0.01", "0.1", 5, 6),
    _perpetual("XRP", "USDT", "USDT", "0.0001", "0.1", 5, 4),
    _perpetual("BTC", "USDC", "USDC", "0.1", "0.001", 5, 4),
    _perpetual("BTC", "USD", "BTC", "0.5", "1", 3, 4),
)


class OptionSeries(NamedTuple):
    """The options of one coin."""

    quote: str
    tick: Decimal
    step: Decimal
    rung: int
    """Distance of two strikes."""


OPTIONS = {
    "BTC": OptionSeries("USDT", Decimal(5), Decimal("0.01"), 2000),
    "ETH": OptionSeries("USDC", Decimal("0.1"), Decimal("0.1"), 50),
    "SOL": OptionSeries("USDC", Decimal("0.01"), Decimal(1), 4),
}


class Catalogue:
    """Every market that an exchange ever had, and which of them are listed at a given time."""

    def __init__(
        self,
        prices: Prices,
        genesis: int,
        extra_markets: int,
        layout: "Layout",
        option_coins: tuple[str, ...],
    ) -> None:
        self._prices = prices
        self.option_coins = option_coins if "option" in layout.wallet_of else ()
        self.delisted = replace(
            _spot(FORGOTTEN_COIN, "USDT", "0.0001", "0.1", 0),
            delisted_at=genesis + DELISTING_DAY * DAY,
        )
        self.standing: tuple[Market, ...] = tuple(
            _in_steps(market, layout.steps.get(market.name))
            for market in (*STANDING, self.delisted, *_fillers(extra_markets))
            if layout.lists(market)
        )
        self.by_name = {market.name: market for market in self.standing}
        self.traded = tuple(m for m in self.standing if m.weight and layout.trades(m))

    def listed(self, kind: Kind, at: int) -> list[Market]:
        if kind == "option":
            return list(self._options(at))
        return [market for market in self.standing if market.kind == kind and market.listed(at)]

    def _options(self, at: int) -> Iterator[Market]:
        for base in self.option_coins:
            for expiry in expiries(at):
                for strike in self.strikes(expiry, base):
                    yield option(base, expiry, strike, "C")
                    yield option(base, expiry, strike, "P")

    def strikes(self, expiry: int, base: str) -> list[Decimal]:
        """Eleven strikes around the price of the coin at the time the expiry is listed."""
        spot, rung = self._prices.index(base, expiry - OPTION_LIFE), OPTIONS[base].rung
        middle = int(spot / rung) * rung
        return [Decimal(middle + rung * step) for step in range(-5, 6)]


def _in_steps(market: Market, step: Decimal | None) -> Market:
    return market if step is None else replace(market, step=step, minimum=step)


def expiries(at: int) -> list[int]:
    """The Fridays on which the options listed at `at` expire, nearest first."""
    next_friday = _FIRST_FRIDAY + -(-(at + 1 - _FIRST_FRIDAY) // WEEK) * WEEK
    return [next_friday + week * WEEK for week in range(4)]


@lru_cache(maxsize=4096)
def option(base: str, expiry: int, strike: Decimal, right: str) -> Market:
    quote, tick, step, _ = OPTIONS[base]
    day = datetime.fromtimestamp(expiry / 1000, UTC).strftime("%y%m%d")
    return Market(
        name=f"{base}/{quote}:{quote}-{day}-{strike}-{right}",
        kind="option",
        base=base,
        quote=quote,
        settle=quote,
        tick=tick,
        step=step,
        minimum=step,
        taker=Decimal("0.0003"),
        maker=Decimal("0.0003"),
        strike=strike,
        expiry=expiry,
        right=right,
    )


def _fillers(count: int) -> Iterator[Market]:
    """Markets that are never traded, to give the catalogue a realistic size."""
    for number in range(count):
        base = f"T{number // 2:04d}"
        if number % 2 == 0:
            yield _spot(base, "USDT", "0.0001", "0.01", 0)
        else:
            yield _perpetual(base, "USDT", "USDT", "0.0001", "0.1", 5, 0)
