"""Prices and funding rates in closed form: functions of seed, asset and time.

Nothing is stored or iterated: a price is a base price times a few waves of noise, so prices can be
computed for any time in any order.
"""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal
from math import isqrt
from typing import TYPE_CHECKING

from exchange_simulator.pseudorandom import ONE, mix, wave

if TYPE_CHECKING:
    from exchange_simulator.markets import Market

_DOLLARS = {
    "BTC": 78_000,
    "ETH": 2_900,
    "SOL": 160,
    "XRP": 2,
    "FTM": 1,
    "USDT": 1,
    "USDC": 1,
    "USD": 1,
}
_STAKED = {"BETH": "ETH", "OKSOL": "SOL"}
"""Tokens that are worth the coin they stand for."""
_STABLE = frozenset({"USDT", "USDC", "USD"})
STAKED = {
    "WBETH": ("ETH", Decimal("1.07310000")),
    "BETH": ("ETH", Decimal(1)),
    "BNSOL": ("SOL", Decimal("1.09250000")),
}
"""Token -> the coin that it stands for, and how much of it."""

_MINUTE = 60_000
# (period in milliseconds, amplitude in millionths): about a fifth over weeks, hardly anything over
# minutes
_WAVES = (
    (45 * 1440 * _MINUTE, 220_000),
    (6 * 1440 * _MINUTE, 75_000),
    (11 * 60 * _MINUTE, 16_000),
    (25 * _MINUTE, 2_500),
)
_DOLLAR = Decimal(1)
_SCALE = Decimal("0.00000001")


class Prices:
    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._identities: dict[str, int] = {}
        # cache of the latest lookup per asset and market: most lookups repeat it
        self._recent: dict[str, tuple[int, Decimal]] = {}

    def index(self, asset: str, at: int) -> Decimal:
        """Price of one unit of `asset` in dollars. Changes once a second."""
        asset = _STAKED.get(asset, asset)
        if asset in _STABLE:
            return _DOLLAR
        if asset in STAKED:
            coin, ratio = STAKED[asset]
            return self.index(coin, at) * ratio
        second = at - at % 1000
        moment, price = self._recent.get(asset, (-1, _DOLLAR))
        if moment == second:
            return price
        identity = self._identity(asset)
        movement = ONE * ONE
        for period, amplitude in _WAVES:
            movement += wave(identity, period, second) * amplitude
        base = _DOLLARS.get(asset) or 1 + identity % 40
        price = Decimal(base * movement // 10_000) * _SCALE
        self._recent[asset] = (second, price)
        return price

    def last(self, market: Market, at: int) -> Decimal:
        """The last traded price, on the market's tick grid."""
        second = at - at % 1000
        moment, price = self._recent.get(market.name, (-1, _DOLLAR))
        if moment != second:
            price = max(on_tick(self._fair(market, second), market.tick), market.tick)
            self._recent[market.name] = (second, price)
        return price

    def mark(self, market: Market, at: int) -> Decimal:
        """The valuation price of positions; unlike `last` not on the tick grid (two more
        decimals)."""
        minute = at - at % _MINUTE
        return on_tick(self._fair(market, minute), market.tick / 100)

    def bid(self, market: Market, at: int) -> Decimal:
        return max(self.last(market, at) - market.tick, market.tick)

    def ask(self, market: Market, at: int) -> Decimal:
        return self.last(market, at) + market.tick

    def funding_rate(self, market: Market, at: int) -> Decimal:
        """Rate that longs pay to shorts at the funding time `at` (negative: shorts pay longs)."""
        identity = self._identity(market.name)
        rate = 60 + wave(identity, 40 * 60 * _MINUTE, at) * 190 // ONE
        return Decimal(rate) / Decimal(1_000_000)

    def payoff(self, option: Market, at: int) -> Decimal:
        """Value of an option when it is exercised at `at`."""
        spot = on_tick(self.index(option.base, at), Decimal("0.01"))
        gain = spot - option.strike if option.right == "C" else option.strike - spot
        return max(gain, Decimal(0))

    def _identity(self, name: str) -> int:
        identity = self._identities.get(name)
        if identity is None:
            identity = self._identities[name] = mix(self._seed, *name.encode())
        return identity

    def _fair(self, market: Market, at: int) -> Decimal:
        if market.kind == "option":
            return self._option(market, at)
        price = self.index(market.base, at)
        if market.quote not in _STABLE:
            price = price / self.index(market.quote, at)
        if market.kind == "spot":
            return price
        basis = wave(self._identity(market.name), 90 * _MINUTE, at) * 400 // ONE
        return price * (ONE + basis) / ONE

    def _option(self, market: Market, at: int) -> Decimal:
        """Intrinsic value plus a time value that decays with the square root of the time left."""
        spot = self.index(market.base, at)
        days_left = max(market.expiry - at, 0) * 100 // (1440 * _MINUTE)
        distance = abs(spot - market.strike) / spot
        nearness = max(Decimal(1) - distance * 4, Decimal("0.05"))
        time_value = spot * Decimal(isqrt(days_left * 100)) / Decimal(10_000) * nearness
        return self.payoff(market, at) + time_value


def on_tick(price: Decimal, tick: Decimal) -> Decimal:
    return (price / tick).quantize(Decimal(1), ROUND_HALF_EVEN) * tick
