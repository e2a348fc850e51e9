"""Bybit's names for markets: `BTCUSDT`, `BTCPERP`, `BTCUSD`,
`BTC-27NOV26-60000-C-USDT`, `ETH-27NOV26-2800-C`."""

from datetime import UTC, datetime

from exchange_simulator.markets import Market


def symbol_of(market: Market) -> str:
    if market.kind == "option":
        day = datetime.fromtimestamp(market.expiry / 1000, UTC)
        date = f"{day.day}{day.strftime('%b%y').upper()}"
        name = f"{market.base}-{date}-{market.strike}-{market.right}"
        # options settled in USDC are the older ones
        return name if market.settle == "USDC" else f"{name}-{market.settle}"
    if market.settle == "USDC":
        return f"{market.base}PERP"
    return market.base + market.quote
