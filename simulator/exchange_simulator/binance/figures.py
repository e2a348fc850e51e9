"""How Binance writes numbers: as strings with a fixed number of decimals, zeros kept."""

from decimal import Decimal

from exchange_simulator.markets import Market


def eight(value: Decimal) -> str:
    """Eight decimals: everything on spot and margin, and money everywhere."""
    return format(value, ".8f")


def places(step: Decimal) -> int:
    return max(-int(step.normalize().as_tuple().exponent), 0)


def on_grid(value: Decimal, step: Decimal) -> str:
    return format(value, f".{places(step)}f")


def price_of(market: Market, price: Decimal) -> str:
    """A price of a futures market has as many decimals as its tick."""
    return on_grid(price, market.tick)
