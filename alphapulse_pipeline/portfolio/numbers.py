"""Numbers and names formatted for people; None becomes an empty string."""

from collections.abc import Sequence
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Context, Decimal

_WIDE = Context(prec=200)
"""Amounts may have more digits than the default context allows `quantize`."""


def exact(value: Decimal | None) -> str:
    """Every digit, without trailing zeros."""
    if value is None:
        return ""
    text = f"{value:,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def money(value: Decimal | None) -> str:
    """Rounded to the cent."""
    if value is None:
        return ""
    cents = value.quantize(Decimal("0.01"), ROUND_HALF_EVEN, _WIDE)
    return f"{cents or abs(cents):,f}"  # no minus in front of zero


def rounded(value: Decimal | None) -> str:
    """An amount or a price to two decimals and at least six significant digits, so that what is
    not zero never reads as zero."""
    if value is None:
        return ""
    places = max(2, 5 - value.adjusted()) if value else 0
    return exact(value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_EVEN, _WIDE))


def signed_percent(share: Decimal | None) -> str:
    """Rounded to a hundredth of a percent, with its sign."""
    if share is None:
        return ""
    return f"{(share * 100).quantize(Decimal('0.01'), ROUND_HALF_EVEN, _WIDE):+,f} %"


def percent(share: Decimal | None) -> str:
    """Truncated, not rounded: less than 1 never reads 100 %."""
    if share is None:
        return ""
    tenths = (share * 100).quantize(Decimal("0.1"), ROUND_DOWN, _WIDE)
    return f"{tenths or abs(tenths):f} %"


def listed(names: Sequence[str]) -> str:
    """The first six names, and how many more there are."""
    more = len(names) - 6
    return ", ".join(names[:6]) + (f" and {more} more" if more > 0 else "")
