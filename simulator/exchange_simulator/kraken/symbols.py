"""Kraken's names of assets and pairs (documentation: "Get Asset Info", "Get Tradable Asset Pairs").

The oldest assets have a prefix, X for coins and Z for fiat: bitcoin is `XXBT`. A pair of two such
assets is named by both ids (`XETHXXBT`), any other by both short names (`XBTUSDT`).
"""

from exchange_simulator.markets import Market
from exchange_simulator.records import Wallet

_PREFIXED = {"BTC": "XXBT", "ETH": "XETH", "XRP": "XXRP", "USD": "ZUSD", "EUR": "ZEUR"}
_DECIMALS = {"BTC": 10, "ETH": 10, "SOL": 10}
BOOK_DECIMALS = 8


def asset_id(asset: str) -> str:
    """`XXBT` for BTC, `USDT` for USDT."""
    return _PREFIXED.get(asset, asset)


def asset_code(wallet: Wallet, asset: str) -> str:
    """The code of an asset in a wallet. `.F`: earns automatically in Kraken Rewards, `.B`: in a
    yield-bearing product (documentation: "Get Extended Balance")."""
    if wallet != "earn":
        return asset_id(asset)
    return f"{asset_altname(asset)}.{'F' if asset == 'USDT' else 'B'}"


def asset_altname(asset: str) -> str:
    """`XBT` for BTC, `USDT` for USDT."""
    return _PREFIXED[asset][1:] if asset in _PREFIXED else asset


def asset_decimals(asset: str) -> int:
    return _DECIMALS.get(asset, BOOK_DECIMALS)


def pair_id(market: Market) -> str:
    """The pair's name in trades: `XETHXXBT`, `XBTUSDT`."""
    if market.base in _PREFIXED and market.quote in _PREFIXED:
        return _PREFIXED[market.base] + _PREFIXED[market.quote]
    return pair_altname(market)


def pair_altname(market: Market) -> str:
    """The pair's name in orders: `ETHXBT`, `XBTUSDT`."""
    return asset_altname(market.base) + asset_altname(market.quote)


def pair_wsname(market: Market) -> str:
    """`ETH/XBT`, `XBT/USDT`."""
    return f"{asset_altname(market.base)}/{asset_altname(market.quote)}"


def is_called(market: Market, name: str) -> bool:
    return name in (pair_id(market), pair_altname(market), pair_wsname(market))
