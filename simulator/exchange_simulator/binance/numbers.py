"""Ids that are integers and rise with the row's place in its market's history.

They are told apart by their market only: the n-th trade of every market has the same id, as has the
n-th order. They leave gaps, since the market has other people's trades in between.
"""

from exchange_simulator.noise import mix

TRADES = 28_457_000
ORDERS = 4_293_153_000
FUTURES_ORDERS = 8_389_765_400_000_000_000
"""Beyond what a double holds exactly."""

_GAP = 7


def number(seed: int, first: int, index: int) -> int:
    """The id of the row with this index."""
    return first + index * _GAP + mix(seed, index) % _GAP


def index_from(seed: int, first: int, at_least: int) -> int:
    """The index of the first row whose id is `at_least` that."""
    index = max((at_least - first) // _GAP, 0)
    return index if number(seed, first, index) >= at_least else index + 1
