"""How one order is filled in parts: how many, how large, and how far apart in time."""

from decimal import Decimal
from random import Random

from exchange_simulator.markets import Market


def burst(dice: Random, at: int, market: Market, amount: Decimal) -> list[tuple[int, Decimal]]:
    """Split an amount into fills in the same millisecond or a few apart: (time, amount)."""
    roll = dice.random()
    parts = (
        1 if roll < 0.62 else 2 if roll < 0.80 else 3 if roll < 0.9 else 4 + int(dice.random() * 5)
    )
    steps = int(amount / market.step)
    parts = min(parts, steps)
    even = dice.random() < 0.25
    fills: list[tuple[int, Decimal]] = []
    for part in range(parts, 1, -1):
        share = 1.0 / part if even else 0.2 / part + dice.random() / part
        take = min(max(int(steps * share), 1), steps - part + 1)
        fills.append((at, take * market.step))
        steps -= take
        if dice.random() < 0.35:
            at += 1 + int(dice.random() * 3)
    fills.append((at, steps * market.step))
    return fills
