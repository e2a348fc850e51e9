"""Kraken's formats of amounts and times."""

from decimal import Decimal

from exchange_simulator.kraken.symbols import BOOK_DECIMALS, asset_decimals


def fixed(value: Decimal, decimals: int = BOOK_DECIMALS) -> str:
    """With exactly this many decimals: `0.02000000`."""
    return f"{value:.{decimals}f}"


def of_asset(value: Decimal, asset: str) -> str:
    """With the asset's own decimals, as in balances and ledger entries."""
    return fixed(value, asset_decimals(asset))


def seconds(at: int) -> float:
    """Seconds with four decimals. Kraken's clock is finer than milliseconds and the simulator's is
    not, so only whole seconds match exactly.

    A float, because it is a JSON number in Kraken's answers.
    """
    whole, rest = divmod(at, 1000)
    finer = 1 + at // 7 % 8 if rest else 0
    return float(f"{whole}.{rest:03d}{finer}")
