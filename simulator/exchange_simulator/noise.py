"""Reproducible noise out of integers alone.

No floating point and no process state: the same numbers give the same noise on every machine and
Python version, which is what makes the simulated world the same for whoever looks at it.
"""

from functools import lru_cache

_MASK = (1 << 64) - 1
_GOLDEN = 0x9E3779B97F4A7C15

ONE = 1_000_000
"""Waves lie between -ONE and ONE."""


def mix(*values: int) -> int:
    """64 well-stirred bits of `values` (the finaliser of splitmix64, folded over them)."""
    state = _GOLDEN
    for value in values:
        state = ((state ^ (value & _MASK)) * 0xBF58476D1CE4E5B9) & _MASK
        state ^= state >> 27
        state = (state * 0x94D049BB133111EB) & _MASK
        state ^= state >> 31
    return state


@lru_cache(maxsize=1 << 14)
def _slope(seed: int, period: int, cell: int) -> tuple[int, int]:
    """Where the wave is when a cell begins, and how far it moves until the cell ends."""
    left = mix(seed + cell * _GOLDEN + period) % (2 * ONE + 1) - ONE
    right = mix(seed + (cell + 1) * _GOLDEN + period) % (2 * ONE + 1) - ONE
    return left, right - left


def wave(seed: int, period: int, at: int) -> int:
    """Smooth noise in [-ONE, ONE] that takes a new direction every `period` milliseconds."""
    cell, offset = divmod(at, period)
    left, rise = _slope(seed, period, cell)
    x = (offset << 16) // period
    ease = (x * x * (196608 - 2 * x)) >> 32  # smoothstep with 16 fractional bits
    return left + ((rise * ease) >> 16)
