"""What assets cost in a currency, through the markets of one account.

For comparing with an exchange's own total only: the portfolio's values come from the prices of all
accounts, see `portfolio/prices.py`.
"""

from collections.abc import Iterable
from decimal import Decimal

from alphapulse_pipeline.warehouse.holdings import Quote

_LONGEST = 3
"""Markets on the way from an asset to the currency."""
_DOLLAR, _STABLECOINS = "USD", ("USDT", "USDC")


def prices_in(currency: str, quotes: Iterable[Quote]) -> dict[str, Decimal]:
    """The price of each asset that a path of up to three markets leads from, the shortest path
    first. Of markets that price the same asset, the first counts.

    If no market is quoted in dollars, a stablecoin counts as one: it is off by less than two totals
    may differ.
    """
    edges = [
        edge
        for base, quote, price in quotes
        for edge in ((base, quote, price), (quote, base, 1 / price))
    ]
    found = {currency: Decimal(1)}
    if currency == _DOLLAR and not any(into == _DOLLAR for _, into, _ in edges):
        found |= dict.fromkeys(_STABLECOINS, Decimal(1))
    for _ in range(_LONGEST):
        reached: dict[str, Decimal] = {}
        for asset, into, price in edges:
            if into in found and asset not in found:
                reached.setdefault(asset, price * found[into])
        found |= reached
    return found
