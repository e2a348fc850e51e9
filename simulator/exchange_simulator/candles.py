"""Daily candles: the prices of a market from day to day, up to now.

They are calculated from the same function of time as the tickers: a day closes with its last
second's price, and opens with that of its first one.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

from exchange_simulator.markets import DAY, HOUR, Market
from exchange_simulator.world import World

_LAUNCHED = 1_585_526_400_000
"""The first day of all markets."""
_VOLUME = Decimal("4147.94474901")
TRADES = 10056
"""How many fills each candle says it has."""


class Candle(NamedTuple):
    opened_at: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    is_over: bool
    volume: Decimal = _VOLUME

    @property
    def turnover(self) -> Decimal:
        return self.volume * self.close


def candles(world: World, market: Market, first: int, last: int, now: int) -> Iterator[Candle]:
    """The candles that opened from `first` to `last` (ms, both included), oldest first."""
    start = max(_LAUNCHED, -(-first // DAY) * DAY)
    for opened_at in range(start, min(last, now) + 1, DAY):
        if market.listed(opened_at):
            yield _candle(world, market, opened_at, now)


def _candle(world: World, market: Market, opened_at: int, now: int) -> Candle:
    closes_at = opened_at + DAY
    until = min(closes_at - 1, now)
    at = [world.prices.last(market, time) for time in (*range(opened_at, until, 6 * HOUR), until)]
    return Candle(opened_at, at[0], max(at), min(at), at[-1], now >= closes_at)
