"""Reproducible pseudo-random numbers and noise from integers alone.

Without floating point or process state, the same inputs give the same numbers on every machine and
Python version. The simulated world is therefore identical everywhere.
"""

from functools import lru_cache

_MASK = (1 << 64) - 1
_GOLDEN = 0x9E3779B97F4A7C15

ONE = 1_000_000
"""Waves lie between -ONE and ONE."""


def mix(*values: int) -> int:
    """A 64-bit hash of `values` (the finalizer of splitmix64, folded over them)."""
    state = _GOLDEN
    for value in values:
        state = ((state ^ (value & _MASK)) * 0xBF58476D1CE4E5B9) & _MASK
        state ^= state >> 27
        state = (state * 0x94D049BB133111EB) & _MASK
        state ^= state >> 31
    return state


@lru_cache(maxsize=1 << 14)
def _slope(seed: int, period: int, cell: int) -> tuple[int, int]:
    """Value of the wave at the start of a cell, and its change until the end of the cell."""
    left = mix(seed + cell * _GOLDEN + period) % (2 * ONE + 1) - ONE
    right = mix(seed + (cell + 1) * _GOLDEN + period) % (2 * ONE + 1) - ONE
    return left, right - left


def wave(seed: int, period: int, at: int) -> int:
    """Smooth noise in [-ONE, ONE] that changes direction every `period` milliseconds."""
    cell, offset = divmod(at, period)
    left, rise = _slope(seed, period, cell)
    x = (offset << 16) // period
    ease = (x * x * (196608 - 2 * x)) >> 32  # smoothstep with 16 fractional bits
    return left + ((rise * ease) >> 16)
