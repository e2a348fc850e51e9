"""Numbers as people read them; nothing where there is none."""

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
