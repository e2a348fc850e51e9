"""Exact decimals: rounding and formatting of amounts."""

from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_UP, Decimal

ZERO = Decimal(0)
CENT = Decimal("0.01")
SATOSHI = Decimal("0.00000001")
"""The books have eight decimals in every asset."""


def nearest(value: Decimal) -> Decimal:
    return value.quantize(SATOSHI, ROUND_HALF_EVEN)


def round_fee(fee: Decimal) -> Decimal:
    """Round a fee up, and a rebate (a negative fee) towards zero."""
    return fee.quantize(SATOSHI, ROUND_UP if fee >= 0 else ROUND_DOWN)


def whole_steps(value: Decimal, step: Decimal) -> Decimal:
    """The largest multiple of `step` that does not exceed `value`."""
    return (value / step).to_integral_value(ROUND_DOWN) * step


def plain(value: Decimal) -> str:
    """Format without exponent or trailing zeros: `1E+3` as `1000`, `0.10` as `0.1`, `-0` as `0`."""
    if not value:
        return "0"
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
