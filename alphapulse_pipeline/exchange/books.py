"""Books: the parts of an account that the exchange itself totals."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from alphapulse_pipeline.datasets.values import number
from alphapulse_pipeline.exchange.documented import Documented
from alphapulse_pipeline.exchange.errors import Unreadable
from alphapulse_pipeline.exchange.feed import Caller


@dataclass(frozen=True)
class Book:
    """One part of an account, with the exchange's total of it."""

    name: str
    """The exchange's name of it."""
    total: Decimal
    currency: str
    """The unified code of the currency that the total is in."""
    parts: tuple[str, ...] = ()
    """What is read of it: wallets, and `positions_of` a wallet. Empty: none of it is read."""
    perhaps: tuple[str, ...] = ()
    """Parts of which the documentation does not say whether the total contains them."""
    enabled: bool = True
    """Whether the account ever opened it."""


@dataclass(frozen=True)
class BookTotals:
    """How an exchange is asked for its totals."""

    ask: Callable[[Caller], Awaitable[Sequence[Book]]]
    """Requests all of them. Raises what ccxt raises, and `Unreadable`."""
    documented: Documented


def positions_of(wallet: str) -> str:
    """The part of a book that is the unrealized profit and the option value of a wallet."""
    return f"positions of {wallet}"


def total(row: Any, field: str) -> Decimal:
    """A total of an answer. Raises `Unreadable` if it is missing or no number."""
    try:
        found = number(row.get(field)) if isinstance(row, dict) else None
    except (ArithmeticError, TypeError, ValueError) as error:
        raise Unreadable(f"{field} of a book is no number: {error}") from error
    if found is None:
        raise Unreadable(f"a book has no {field}")
    return found


def rows(answer: Any, what: str) -> list[Any]:
    """The list of books in an answer. Raises `Unreadable` if it is no list."""
    if not isinstance(answer, list):
        raise Unreadable(f"{what} has no list of books")
    return answer
