"""Keeps a row that ccxt cannot parse from failing the whole answer of a unified method.

ccxt parses the rows of a list one after the other, and one that raises takes all others with it.
While a unified method runs, such a row becomes a structure that only says why; `parsing.py` rejects
it. Its time is not known.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from ccxt.base import errors as ccxt

from alphapulse_pipeline.exchange.errors import MISREAD

_UNREADABLE = "alphapulse unreadable"
_BLANK = {"id": "", "timestamp": 0, "datetime": None, "symbol": None, "currency": None}
"""What ccxt sorts and filters the rows of a list by."""
_PARSERS = (
    "parse_income",
    "parse_ledger_entry",
    "parse_order",
    "parse_position",
    "parse_trade",
    "parse_transaction",
    "parse_transfer",
)
_ISOLATING: ContextVar[bool] = ContextVar("_ISOLATING", default=False)


@contextmanager
def isolating() -> Iterator[None]:
    """Until the end of the context, a row that cannot be parsed fails nothing but itself."""
    with _set(True):
        yield


@contextmanager
def _set(value: bool) -> Iterator[None]:
    before = _ISOLATING.set(value)
    try:
        yield
    finally:
        _ISOLATING.reset(before)


def why_unreadable(structure: Any) -> str | None:
    """Why ccxt could not parse a row of a unified method; None if it could."""
    found = structure.get(_UNREADABLE) if isinstance(structure, dict) else None
    return None if found is None else str(found)


class IsolatedRows:
    """Mixed into every ccxt class, outside of the corrections of its parsers."""

    def sort_by(self, array: Any, *args: Any, **kwargs: Any) -> Any:
        return _sorted(super().sort_by, array, *args, **kwargs)  # type: ignore[misc]

    def sort_by_2(self, array: Any, *args: Any, **kwargs: Any) -> Any:
        return _sorted(super().sort_by_2, array, *args, **kwargs)  # type: ignore[misc]


def _sorted(sort: Callable[..., Any], array: Any, *args: Any, **kwargs: Any) -> Any:
    """Unsorted if a row has no time or no id: ccxt would raise, and the walkers need no order."""
    try:
        return sort(array, *args, **kwargs)
    except TypeError:
        if not _ISOLATING.get():
            raise
        return list(array)


def _isolated(name: str) -> Callable[..., Any]:
    def parse(self: IsolatedRows, row: Any, *args: Any, **kwargs: Any) -> Any:
        original = getattr(super(IsolatedRows, self), name)
        if not _ISOLATING.get():
            return original(row, *args, **kwargs)
        try:
            # an order with fills is unreadable as a whole if one of them is
            with _set(False):
                return original(row, *args, **kwargs)
        except (*MISREAD, ccxt.ExchangeError) as error:
            if isinstance(error, ccxt.NotSupported):
                raise  # by ccxt, for any row
            return {**_BLANK, "info": row, _UNREADABLE: f"{type(error).__name__}: {error}"}

    return parse


for _name in _PARSERS:
    setattr(IsolatedRows, _name, _isolated(_name))
