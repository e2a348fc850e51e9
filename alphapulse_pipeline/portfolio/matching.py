"""Matches the legs of each entry against open lots, and writes what was realized, line by line."""

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from alphapulse_pipeline.portfolio.lots import Book, Part, share

_ZERO = Decimal(0)


class Leg(NamedTuple):
    """A row of `portfolio.legs`, with the book whose lots it changes."""

    book: str
    """The account; blank if all accounts share their lots."""
    asset: str
    happened_at: datetime
    treatment: str
    """swap, earned, moved, carried, position or line: see `Matching`."""
    kind: str
    amount: Decimal
    value: Decimal | None
    reported_pnl: Decimal | None
    price: Decimal | None
    entry: str
    account: str
    from_account: str | None
    carries: str | None
    """Of what arrived from a different account: the entry with which it left there."""
    left_at: datetime | None


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


class TransferredLot(NamedTuple):
    """The part of a lot that moves to a different account."""

    acquired_at: datetime
    opened_by: str
    amount: Decimal
    cost: Decimal | None


class Matching:
    """Takes legs in order of time and collects the lines.

    `book(book, asset)` reads the stored lots. `withdrawn(book, asset, entry, left_at)` reads the
    lots that left with an entry which an earlier refresh matched.
    """

    def __init__(
        self,
        book: Callable[[str, str], Book],
        withdrawn: Callable[[str, str, str, datetime | None], Sequence[TransferredLot]],
    ) -> None:
        self.books: dict[tuple[str, str], Book] = {}
        self.lines: list[Line] = []
        self._book = book
        self._withdrawn = withdrawn
        self._in_transit: dict[tuple[str, str], list[TransferredLot]] = {}
        self._treatments: dict[str, Callable[[Book, Leg], None]] = {
            "swap": self._swap,
            "earned": self._earned,
            "moved": self._moved,
            "carried": self._carried,
            "position": self._position,
            "line": self._line,
        }

    def take(self, leg: Leg) -> None:
        key = leg.book, leg.asset
        book = self.books.get(key)
        if book is None:
            book = self.books[key] = self._book(*key)
        self._treatments[leg.treatment](book, leg)

    def _swap(self, book: Book, leg: Leg) -> None:
        """Acquired or disposed of at its value."""
        self._trade(book, leg, leg.amount, leg.value, leg.happened_at, leg.entry)

    def _earned(self, book: Book, leg: Leg) -> None:
        """Income or an expense: a line of its own, besides the lots of the coins."""
        self._line(book, leg)
        given = leg._replace(kind="payment") if leg.amount < 0 else leg
        self._trade(book, given, leg.amount, leg.value, leg.happened_at, leg.entry)

    def _moved(self, book: Book, leg: Leg) -> None:
        """Left the account at cost."""
        parts = book.close(leg.amount, leg.value)
        for part in parts:
            basis = part.basis
            self._add(book, leg, basis, basis, part)
        if leg.kind == "transfer":
            self._in_transit[leg.account, leg.entry] = [
                TransferredLot(part.lot.acquired_at, part.lot.opened_by, part.amount, part.basis)
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
        """Arrived from a different account, at its cost there; what did not arrive is a fee."""
        account, entry = leg.from_account or "", leg.carries or ""
        parts = self._in_transit.pop((account, entry), None)
        if parts is None:
            # accounts that share their lots share the lines as well
            from_book = account if leg.book else ""
            parts = list(self._withdrawn(from_book, leg.asset, entry, leg.left_at))
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
        """Contracts opened or closed: the exchange reports what closing realized; if it does not,
        it is calculated from the average entry."""
        closed = book.close(leg.amount, leg.value)
        reported = leg.reported_pnl
        amount = sum((part.amount for part in closed), _ZERO)
        unassigned = amount
        for part in closed:
            if reported is not None:
                gain = share(reported, part.amount, unassigned)
                reported -= gain or _ZERO
                unassigned -= part.amount
            else:
                gain = (
                    None if part.value is None or part.basis is None else (-part.value - part.basis)
                )
            self._gain(book, leg, gain, part)
        if reported and not closed:
            self._gain(book, leg, reported, None)
        if leg.amount + amount:
            rest = leg.amount + amount
            value = share(leg.value, rest, leg.amount)
            if closed and leg.value is not None:
                value = leg.value - sum((part.value or _ZERO for part in closed), _ZERO)
            book.open(rest, value, leg.happened_at, leg.happened_at, leg.kind, leg.entry)

    def _line(self, book: Book, leg: Leg) -> None:
        """Earned or paid without a change of this asset's lots."""
        opened_by, acquired_at = "", None
        if book.amount and leg.treatment == "line":
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
        """A line for a closed part of a lot."""
        lot = part.lot
        book.last_line += 1
        self.lines.append(
            Line(
                leg.book,
                leg.asset,
                book.last_line,
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
        """A line without a lot."""
        book.last_line += 1
        self.lines.append(
            Line(
                leg.book,
                leg.asset,
                book.last_line,
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
    """(proceeds, cost) of a gain or loss."""
    if value is None:
        return None, None
    return (value, _ZERO) if value >= 0 else (_ZERO, -value)
