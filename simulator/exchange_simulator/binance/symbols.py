"""Binance's market names: `BTCUSDT` (both spot and USD-M), `BTCUSD_PERP` (COIN-M),
`BTC-200730-9000-C` (options)."""

from decimal import Decimal

from exchange_simulator.markets import Kind, Market
from exchange_simulator.world import World

_CONTRACT_SIZES = {"BTC": Decimal(100)}
_CONTRACT_SIZE = Decimal(10)


def symbol_of(market: Market) -> str:
    if market.kind == "option":
        *_, day, strike, right = market.name.split("-")
        return f"{market.base}-{day}-{strike}-{right}"
    symbol = pair_of(market)
    return f"{symbol}_PERP" if market.kind == "inverse" else symbol


def pair_of(market: Market) -> str:
    return market.base + market.quote


def market_of(world: World, kind: Kind, symbol: str) -> Market | None:
    """Includes delisted markets: their trades and orders remain available."""
    for market in world.catalogue.standing:
        if market.kind == kind and symbol_of(market) == symbol:
            return market
    return None


def contract_size(market: Market) -> Decimal:
    """Dollars per COIN-M contract; 1 elsewhere, where amounts are in base currency."""
    if market.kind != "inverse":
        return Decimal(1)
    return _CONTRACT_SIZES.get(market.base, _CONTRACT_SIZE)


def contracts(market: Market, amount: Decimal) -> Decimal:
    return amount / contract_size(market)
