"""How Kraken writes amounts and times."""

from decimal import Decimal

from exchange_simulator.kraken.symbols import BOOK_DECIMALS, asset_decimals


def fixed(value: Decimal, decimals: int = BOOK_DECIMALS) -> str:
    """With exactly so many decimals: `0.02000000`."""
    return f"{value:.{decimals}f}"


def of_asset(value: Decimal, asset: str) -> str:
    """As balances and ledger entries are written: with the asset's own decimals."""
    return fixed(value, asset_decimals(asset))


def seconds(at: int) -> float:
    """Seconds with four decimals. Kraken's clock is finer than milliseconds: what is cut off behind
    the third decimal is the simulator's time, and only whole seconds are hit exactly.

    A float, as it is a JSON number there.
    """
    whole, rest = divmod(at, 1000)
    finer = 1 + at // 7 % 8 if rest else 0
    return float(f"{whole}.{rest:03d}{finer}")
