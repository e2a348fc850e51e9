"""Kraken's names for assets and pairs (documentation: "Get Asset Info", "Get Tradable Asset
Pairs").

The oldest assets carry a prefix, X for coins and Z for money: bitcoin is `XXBT`. A pair of two such
assets is called by both ids (`XETHXXBT`), any other by both short names (`XBTUSDT`).
"""

from exchange_simulator.markets import Market

_PREFIXED = {"BTC": "XXBT", "ETH": "XETH", "XRP": "XXRP", "USD": "ZUSD", "EUR": "ZEUR"}
_DECIMALS = {"BTC": 10, "ETH": 10, "SOL": 10}
BOOK_DECIMALS = 8


def asset_id(asset: str) -> str:
    """`XXBT` of BTC, `USDT` of USDT."""
    return _PREFIXED.get(asset, asset)


def asset_altname(asset: str) -> str:
    """`XBT` of BTC, `USDT` of USDT."""
    return _PREFIXED[asset][1:] if asset in _PREFIXED else asset


def asset_decimals(asset: str) -> int:
    return _DECIMALS.get(asset, BOOK_DECIMALS)


def pair_id(market: Market) -> str:
    """`XETHXXBT`, `XBTUSDT`: what trades call a pair."""
    if market.base in _PREFIXED and market.quote in _PREFIXED:
        return _PREFIXED[market.base] + _PREFIXED[market.quote]
    return pair_altname(market)


def pair_altname(market: Market) -> str:
    """`ETHXBT`, `XBTUSDT`: what orders call a pair."""
    return asset_altname(market.base) + asset_altname(market.quote)


def pair_wsname(market: Market) -> str:
    """`ETH/XBT`, `XBT/USDT`."""
    return f"{asset_altname(market.base)}/{asset_altname(market.quote)}"


def is_called(market: Market, name: str) -> bool:
    return name in (pair_id(market), pair_altname(market), pair_wsname(market))
