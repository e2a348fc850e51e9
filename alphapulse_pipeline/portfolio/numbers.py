"""Numbers and names as people read them; nothing where there is none."""

from collections.abc import Sequence
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Decimal


def exact(value: Decimal | None) -> str:
    """Every digit; zeros at the end say nothing."""
    if value is None:
        return ""
    text = f"{value:,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def money(value: Decimal | None) -> str:
    """To the cent: every digit is in the tables, and in the element's title."""
    if value is None:
        return ""
    return f"{value.quantize(Decimal('0.01'), ROUND_HALF_EVEN):,f}"


def percent(share: Decimal | None) -> str:
    """Cut off, not rounded: what is not quite sure is never 100 %."""
    if share is None:
        return ""
    return f"{(share * 100).quantize(Decimal('0.1'), ROUND_DOWN):f} %"


def listed(names: Sequence[str]) -> str:
    """The first six."""
    more = len(names) - 6
    return ", ".join(names[:6]) + (f" and {more} more" if more > 0 else "")
