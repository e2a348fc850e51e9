"""What each leg of an entry does to the lots, and the lines that tell what was realised by it."""

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from alphapulse_pipeline.portfolio.lots import Book, Part, share

_ZERO = Decimal(0)


class Leg(NamedTuple):
    """A row of `portfolio.legs`, of the account whose lots it changes."""

    account: str
    asset: str
    happened_at: datetime
    way: str
    """swap, earned, moved, carried, position or line: see `Matching`."""
    kind: str
    amount: Decimal
    value: Decimal | None
    told: Decimal | None
    price: Decimal | None
    entry: str
    owner: str
    """The account of the entry, though lots may be shared by all."""
    from_account: str | None
    carries: str | None


class Line(NamedTuple):
    """A row of `portfolio.realized_pnl`."""

    account: str
    asset: str
    line_id: int
    kind: str
    realized_at: datetime
    amount: Decimal
    proceeds: Decimal | None
    cost: Decimal | None
    acquired_at: datetime | None
    opened_by: str
    closed_by: str
    lot_id: int | None
    basis: Decimal | None


class Carried(NamedTuple):
    """A part of a lot on its way from one account to another."""

    acquired_at: datetime
    opened_by: str
    amount: Decimal
    cost: Decimal | None


class Matching:
    """Takes legs in the order of time and gives lines.

    `book` opens the lots of an account's asset; `left` tells what a withdrawal (book, asset, whose
    it was, its entry) took along, where it was matched in an earlier refresh.
    """

    def __init__(
        self,
        book: Callable[[str, str], Book],
        left: Callable[[str, str, str, str], Sequence[Carried]],
    ) -> None:
        self.books: dict[tuple[str, str], Book] = {}
        self.lines: list[Line] = []
        self._book = book
        self._left = left
        self._under_way: dict[tuple[str, str], list[Carried]] = {}
        self._ways: dict[str, Callable[[Book, Leg], None]] = {
            "swap": self._swap,
            "earned": self._earned,
            "moved": self._moved,
            "carried": self._carried,
            "position": self._position,
            "line": self._line,
        }

    def take(self, leg: Leg) -> None:
        place = leg.account, leg.asset
        book = self.books.get(place)
        if book is None:
            book = self.books[place] = self._book(*place)
        self._ways[leg.way](book, leg)

    def _swap(self, book: Book, leg: Leg) -> None:
        """Something came or went at its value."""
        self._trade(book, leg, leg.amount, leg.value, leg.happened_at, leg.entry)

    def _earned(self, book: Book, leg: Leg) -> None:
        """Something came or went for nothing: income or expense, besides what its coins do."""
        self._line(book, leg)
        given = leg._replace(kind="payment") if leg.amount < 0 else leg
        self._trade(book, given, leg.amount, leg.value, leg.happened_at, leg.entry)

    def _moved(self, book: Book, leg: Leg) -> None:
        """Something left the account at what it cost."""
        parts = book.close(leg.amount, leg.value)
        for part in parts:
            basis = part.basis
            self._add(book, leg, basis, basis, part)
        if leg.kind == "transfer":
            self._under_way[leg.owner, leg.entry] = [
                Carried(part.lot.acquired_at, part.lot.opened_by, part.amount, part.basis)
                for part in parts
            ]
        rest = leg.amount + sum((part.amount for part in parts), _ZERO)
        if rest:
            book.open(
                rest,
                share(leg.value, rest, leg.amount),
                leg.happened_at,
                leg.happened_at,
                leg.kind,
                leg.entry,
            )

    def _carried(self, book: Book, leg: Leg) -> None:
        """What left another account arrives, with its cost; what was lost on the way is a fee."""
        place = leg.from_account or "", leg.carries or ""
        parts = self._under_way.pop(place, None)
        if parts is None:
            # where all accounts share their lots, they share the lines as well
            book_left = place[0] if leg.account else ""
            parts = list(self._left(book_left, leg.asset, *place))
        rest = leg.amount
        for part in parts:
            taken = min(part.amount, rest)
            cost = share(part.cost, taken, part.amount) if taken > 0 else _ZERO
            if taken > 0:
                self._trade(book, leg, taken, cost, part.acquired_at, part.opened_by)
                rest -= taken
            if taken < part.amount:
                lost = None if part.cost is None or cost is None else part.cost - cost
                loss = None if lost is None else -lost
                self._write(book, leg, "fee", loss, part.acquired_at, part.opened_by)
        if rest > 0:
            value = share(leg.value, rest, leg.amount)
            self._trade(book, leg, rest, value, leg.happened_at, leg.entry)

    def _position(self, book: Book, leg: Leg) -> None:
        """Contracts came or went: what their closing realised is told, or reckoned by the average
        entry."""
        closed = book.close(leg.amount, leg.value)
        told = leg.told
        amount = sum((part.amount for part in closed), _ZERO)
        left = amount
        for part in closed:
            if told is not None:
                gain = share(told, part.amount, left)
                told, left = told - (gain or _ZERO), left - part.amount
            else:
                gain = (
                    None if part.value is None or part.basis is None else (-part.value - part.basis)
                )
            self._gain(book, leg, gain, part)
        if told and not closed:
            self._gain(book, leg, told, None)
        if leg.amount + amount:
            rest = leg.amount + amount
            value = share(leg.value, rest, leg.amount)
            if closed and leg.value is not None:
                value = leg.value - sum((part.value or _ZERO for part in closed), _ZERO)
            book.open(rest, value, leg.happened_at, leg.happened_at, leg.kind, leg.entry)

    def _line(self, book: Book, leg: Leg) -> None:
        """Something earned or paid that changes no lot of this asset."""
        opened_by, acquired_at = "", None
        if book.amount and leg.way == "line":
            first = book.next()
            opened_by, acquired_at = first.opened_by, first.acquired_at
        self._write(book, leg, leg.kind, leg.value, acquired_at, opened_by)

    def _trade(
        self,
        book: Book,
        leg: Leg,
        amount: Decimal,
        value: Decimal | None,
        acquired_at: datetime,
        opened_by: str,
    ) -> None:
        for part in book.close(amount, value):
            amount += part.amount
            if part.value is None or value is None:
                given, value = None, None
            else:
                given, value = -part.value, value - part.value
            if part.amount > 0:
                self._add(book, leg, given, part.basis, part)
            else:
                received = None if part.basis is None else -part.basis
                paid = None if given is None else -given
                self._add(book, leg, received, paid, part)
        if amount:
            book.open(amount, value, leg.happened_at, acquired_at, leg.kind, opened_by)

    def _gain(self, book: Book, leg: Leg, gain: Decimal | None, part: Part | None) -> None:
        value = None if gain is None or leg.price is None else gain * leg.price
        if part is None:
            self._write(book, leg, leg.kind, value, None, "")
        else:
            self._add(book, leg, *_two_sides(value), part)

    def _add(
        self, book: Book, leg: Leg, proceeds: Decimal | None, cost: Decimal | None, part: Part
    ) -> None:
        lot = part.lot
        book.lines += 1
        self.lines.append(
            Line(
                leg.account,
                leg.asset,
                book.lines,
                leg.kind,
                leg.happened_at,
                part.amount,
                proceeds,
                cost,
                lot.acquired_at,
                lot.opened_by,
                leg.entry,
                lot.lot_id,
                part.basis,
            )
        )

    def _write(
        self,
        book: Book,
        leg: Leg,
        kind: str,
        value: Decimal | None,
        acquired_at: datetime | None,
        opened_by: str,
    ) -> None:
        """A line that is of no lot."""
        book.lines += 1
        self.lines.append(
            Line(
                leg.account,
                leg.asset,
                book.lines,
                kind,
                leg.happened_at,
                _ZERO,
                *_two_sides(value),
                acquired_at,
                opened_by,
                leg.entry,
                lot_id=None,
                basis=None,
            )
        )


def _two_sides(value: Decimal | None) -> tuple[Decimal | None, Decimal | None]:
    """(proceeds, cost) of something gained or lost."""
    if value is None:
        return None, None
    return (value, _ZERO) if value >= 0 else (_ZERO, -value)
