"""Converts ccxt's values exactly: numbers to `Decimal`, times to aware `datetime`."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

Row = dict[str, Any]
"""Column name -> `Decimal`, `str`, `bool`, aware `datetime`, `dict` or `list` (for `raw`), None."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NESTED_TOO_DEEPLY = "(nested too deeply)"
"""The text that replaces a value which is nested too deeply to be read."""
_MOST_DIGITS = 100
"""Before and after the point: more than any amount has, and few enough to calculate with."""


def number(value: Any) -> Decimal | None:
    """A number that ccxt kept as text, exactly. None and '' become None.

    Raises `TypeError` for a float, which is not exact, and for a boolean, which Python takes for 1
    or 0, and `ValueError` for too many digits.
    """
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        raise TypeError(f"the exchange sent {value} instead of a number")
    if isinstance(value, float):
        raise TypeError(f"ccxt returned the float {value!r}; amounts must be exact")
    found = Decimal(value)
    # without an exponent, a number has no more digits than characters
    short = isinstance(value, str) and len(value) <= _MOST_DIGITS and "e" not in value.lower()
    return found if short and found.is_finite() else bounded(found)


def bounded(value: Decimal) -> Decimal:
    """The value. Raises `ValueError` if it is not finite, or has too many digits: 1e999999999
    fills the memory."""
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int):
        raise ValueError(f"{value} is not a number")
    if exponent < -_MOST_DIGITS or abs(value.adjusted()) > _MOST_DIGITS:
        raise ValueError(f"a number has more than {_MOST_DIGITS} digits")
    return value


def moment(milliseconds: Any) -> datetime:
    """Convert milliseconds since 1970 to a UTC time. Raises `ValueError` if there is no value."""
    if milliseconds is None or milliseconds == "":
        raise ValueError("the exchange sent a row without a time")
    return _EPOCH + timedelta(milliseconds=int(milliseconds))


def fees(structure: Mapping[str, Any]) -> list[tuple[str | None, Decimal]]:
    """The fees of a ccxt structure by currency, those that are zero last.

    ccxt lists several fees in `fees` and then leaves `fee` empty: Gate charges a fill in its
    currency, in GT and in points.
    """
    sums: dict[str | None, Decimal] = {}
    for fee in structure.get("fees") or [structure.get("fee") or {}]:
        cost = number(fee.get("cost"))
        if cost is not None:
            currency = fee.get("currency")
            sums[currency] = sums.get(currency, Decimal(0)) + cost
    return sorted(sums.items(), key=lambda fee: not fee[1])
