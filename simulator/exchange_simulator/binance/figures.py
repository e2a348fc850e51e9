"""Binance's number format: strings with a fixed number of decimals, zeros kept."""

from decimal import Decimal

from exchange_simulator.markets import Market


def eight(value: Decimal) -> str:
    """Eight decimals: all numbers of spot and margin, and all amounts of money."""
    return format(value, ".8f")


def places(step: Decimal) -> int:
    return max(-int(step.normalize().as_tuple().exponent), 0)


def on_grid(value: Decimal, step: Decimal) -> str:
    return format(value, f".{places(step)}f")


def price_of(market: Market, price: Decimal) -> str:
    """Futures prices have as many decimals as the market's tick."""
    return on_grid(price, market.tick)
