"""Integer ids that increase with the row's position in its market's history.

Ids are unique only within their market: the n-th trade of every market has the same id, and so has
the n-th order. Ids have gaps, since other accounts trade in the same market.
"""

from exchange_simulator.pseudorandom import mix

TRADES = 28_457_000
ORDERS = 4_293_153_000
FUTURES_ORDERS = 8_389_765_400_000_000_000
"""Exceeds what a double can represent exactly."""

OPTION_TRADES = 4_611_875_134_427_365_376

_GAP = 7


def number(seed: int, first: int, index: int) -> int:
    """The id of the row with this index."""
    return first + index * _GAP + mix(seed, index) % _GAP


def index_from(seed: int, first: int, at_least: int) -> int:
    """The index of the first row whose id is `at_least` or higher."""
    index = max((at_least - first) // _GAP, 0)
    return index if number(seed, first, index) >= at_least else index + 1
