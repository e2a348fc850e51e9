"""Bounds the numbers that ccxt calculates with.

ccxt's `Precise` writes 1e999999999 out as an integer of a billion digits, for which it holds the
interpreter's lock: nothing could end the run. Its `number_to_string` makes a text of them, which
takes two gigabytes.
"""

from decimal import Decimal, InvalidOperation
from typing import Any

from ccxt.base.decimal_to_precision import number_to_string
from ccxt.base.precise import Precise

_MOST = 400
"""Decimals, or digits after an exponent: far more than any amount, and quick to calculate with."""
_init = Precise.__init__


def _bounded_init(self: Any, number: Any, decimals: int | None = None) -> None:
    _init(self, number, decimals)
    if abs(self.decimals) > _MOST:
        raise ValueError(f"the exchange sent a number of more than {_MOST} digits")


def bound_precise() -> None:
    """Make every `Precise` raise `ValueError` for a number that is out of range."""
    Precise.__init__ = _bounded_init


def bounded_number_to_string(number: Any) -> str | None:
    """ccxt's `number_to_string`. Raises `ValueError` for a number that is out of range."""
    try:
        digits = 0 if number is None else Decimal(str(number)).adjusted()
    except InvalidOperation as error:
        raise ValueError(f"the exchange sent {str(number)[:60]!r} instead of a number") from error
    if abs(digits) > _MOST:
        raise ValueError(f"the exchange sent a number of more than {_MOST} digits")
    text: str | None = number_to_string(number)
    return text


def check_digits(decimals: str | None) -> None:
    """Raises `ValueError` for a number of decimals that is out of range."""
    if decimals is not None and abs(int(decimals)) > _MOST:
        raise ValueError(f"the exchange sent a precision of more than {_MOST} digits")
