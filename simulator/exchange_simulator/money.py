"""Exact decimals: how amounts are rounded and written."""

from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_UP, Decimal

ZERO = Decimal(0)
CENT = Decimal("0.01")
SATOSHI = Decimal("0.00000001")
"""The books are kept to eight decimals, in every asset."""


def nearest(value: Decimal) -> Decimal:
    return value.quantize(SATOSHI, ROUND_HALF_EVEN)


def in_favour_of_the_exchange(fee: Decimal) -> Decimal:
    """A fee is rounded up; a rebate, being negative, towards zero."""
    return fee.quantize(SATOSHI, ROUND_UP if fee >= 0 else ROUND_DOWN)


def whole_steps(value: Decimal, step: Decimal) -> Decimal:
    """The largest multiple of `step` that is not above `value`."""
    return (value / step).to_integral_value(ROUND_DOWN) * step


def plain(value: Decimal) -> str:
    """Without exponent and trailing zeros: `1E+3` is `1000`, `0.10` is `0.1`, `-0` is `0`."""
    if not value:
        return "0"
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
