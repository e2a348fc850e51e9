"""Exact values from what ccxt hands over: numbers as `Decimal`, times with a zone."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

Row = dict[str, Any]
"""Column name -> `Decimal`, `str`, `bool`, aware `datetime`, `dict` or `list` (for `raw`), None."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def number(value: Any) -> Decimal | None:
    """A number that ccxt left as text, exactly. None and '' give None.

    Raises `TypeError` for a float: money is never a float.
    """
    if value is None or value == "":
        return None
    if isinstance(value, float):
        raise TypeError(f"a float came through ccxt: {value!r}; money is never a float")
    return Decimal(value)


def moment(milliseconds: Any) -> datetime:
    """Milliseconds since 1970 as an aware time. Raises `ValueError` without a value."""
    if milliseconds is None or milliseconds == "":
        raise ValueError("the exchange sent a row without its time")
    return _EPOCH + timedelta(milliseconds=int(milliseconds))
