"""Bounds the numbers that ccxt calculates with.

ccxt's `Precise` writes 1e999999999 out as an integer of a billion digits, for which it holds the
interpreter's lock: nothing could end the run.
"""

from typing import Any

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


def check_digits(decimals: str | None) -> None:
    """Raises `ValueError` for a number of decimals that is out of range."""
    if decimals is not None and abs(int(decimals)) > _MOST:
        raise ValueError(f"the exchange sent a precision of more than {_MOST} digits")
