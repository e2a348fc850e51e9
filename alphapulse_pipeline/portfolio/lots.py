"""Lots of one asset: which of them goes first, what of its cost goes with it.

One fold for all four methods: they differ in the place that a lot takes in the queue, and average
in where a cost is taken from. What is sold without being held is a lot of a negative amount, which
a purchase closes. All sums are exact: a share of a cost has 18 digits after the point, and what
goes last takes what is left.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from heapq import heappop, heappush
from typing import NamedTuple

from alphapulse_pipeline.settings.portfolio import CostBasis

DIGITS = 100
"""Of the context to reckon in: sums and products of amounts stay exact."""
_ZERO = Decimal(0)
_SCALE = Decimal(1).scaleb(-18)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Lot:
    """Something that came, or that was sold before it came: then of a negative amount and cost."""

    __slots__ = (
        *("lot_id", "acquired_at", "entered_at", "amount", "remaining", "cost", "left"),
        *("source", "opened_by", "place", "stored"),
    )

    def __init__(
        self,
        lot_id: int,
        acquired_at: datetime,
        entered_at: datetime,
        amount: Decimal,
        remaining: Decimal,
        cost: Decimal | None,
        left: Decimal | None,
        source: str,
        opened_by: str,
        place: Decimal,
        stored: bool,
    ) -> None:
        self.lot_id = lot_id
        self.acquired_at = acquired_at
        self.entered_at = entered_at
        self.amount = amount
        self.remaining = remaining
        self.cost = cost
        self.left = left
        """What is left of the cost; None where lots cost the average, or no price was known."""
        self.source = source
        self.opened_by = opened_by
        self.place = place
        self.stored = stored
        """Whether the database holds it: then a change of it is an update."""


class Part(NamedTuple):
    """What an event closes of one lot, with the lot's sign."""

    lot: Lot
    amount: Decimal
    basis: Decimal | None
    """What of the cost goes with it; None where no price was known."""
    value: Decimal | None
    """Its share of the event's value."""


@dataclass(frozen=True, slots=True)
class Method:
    """How lots are queued, and where a cost is taken from."""

    place: Callable[[datetime, Decimal, Decimal | None], Decimal]
    """(acquired at, amount, cost) -> the lot with the least place goes first."""
    average: bool = False


def _microseconds(at: datetime) -> Decimal:
    since = at - _EPOCH
    return Decimal((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds)


def _unit_cost(amount: Decimal, cost: Decimal | None) -> Decimal:
    return _ZERO if cost is None else (cost / amount).quantize(_SCALE, ROUND_HALF_EVEN)


METHODS: dict[CostBasis, Method] = {
    "fifo": Method(lambda at, amount, cost: _microseconds(at)),
    "lifo": Method(lambda at, amount, cost: -_microseconds(at)),
    "hifo": Method(lambda at, amount, cost: -_unit_cost(amount, cost)),
    "average": Method(lambda at, amount, cost: _microseconds(at), average=True),
}
POSITION = Method(lambda at, amount, cost: _ZERO, average=True)
"""Of a position, which an exchange too reckons by its average entry."""


def share(whole: Decimal | None, part: Decimal, of: Decimal) -> Decimal | None:
    """`part / of` of `whole`; all of it for the last part."""
    if whole is None or part == of:
        return whole
    return (whole * part / of).quantize(_SCALE, ROUND_HALF_EVEN)


class Book:
    """The open lots of one asset in one account, or in all.

    `more` gives the stored open lots, the next ones first, a few at a time: those that are never
    reached cost nothing.
    """

    __slots__ = (
        *("amount", "cost", "lots", "lines", "changed", "closed", "_method", "_lifecycle", "_more"),
        *("_queue", "_known"),
    )

    def __init__(
        self,
        method: Method,
        amount: Decimal,
        cost: Decimal | None,
        lots: int,
        lines: int,
        more: Iterator[list[Lot]],
    ) -> None:
        self.amount = amount
        self.cost = cost
        self.lots = lots
        """The number of the last lot."""
        self.lines = lines
        """The number of the last line."""
        self.changed: dict[int, Lot] = {}
        """Open lots that are new, or of which something went."""
        self.closed: list[Lot] = []
        """Lots of which nothing is left."""
        self._method = method
        self._lifecycle = method is POSITION
        self._more: Iterator[list[Lot]] | None = more
        self._queue: list[tuple[Decimal, int, Lot]] = []
        self._known = (Decimal("-Infinity"), 0)
        """The place up to which all stored lots are in the queue."""

    def next(self) -> Lot:
        """The open lot that goes first; there must be one."""
        while self._more is not None and (not self._queue or self._queue[0][:2] > self._known):
            found = next(self._more, None)
            if found is None:
                self._more = None
                break
            for lot in found:
                heappush(self._queue, (lot.place, lot.lot_id, lot))
            self._known = (found[-1].place, found[-1].lot_id)
        return self._queue[0][2]

    def close(self, amount: Decimal, value: Decimal | None) -> list[Part]:
        """Let go what `amount`, of the other sign than what is held, closes of it."""
        parts: list[Part] = []
        while amount and self.amount and (amount < 0) == (self.amount > 0):
            lot = self.next()
            last = abs(lot.remaining) >= abs(amount)
            taken = -amount if last else lot.remaining
            value_of_it = share(value, -taken, amount)
            if self._method.average:
                basis = share(self.cost, taken, self.amount)
            else:
                basis = share(lot.left, taken, lot.remaining)
                lot.left = None if lot.left is None or basis is None else lot.left - basis
            lot.remaining -= taken
            self.amount -= taken
            if not self.amount:
                self.cost = _ZERO
            elif self.cost is not None and basis is not None:
                self.cost -= basis
            else:
                self.cost = None
            amount += taken
            value = None if value is None or value_of_it is None else value - value_of_it
            if lot.remaining:
                self.changed[lot.lot_id] = lot
            else:
                heappop(self._queue)
                self.changed.pop(lot.lot_id, None)
                self.closed.append(lot)
            parts.append(Part(lot, taken, basis, value_of_it))
        return parts

    def open(
        self,
        amount: Decimal,
        value: Decimal | None,
        at: datetime,
        acquired_at: datetime,
        source: str,
        opened_by: str,
    ) -> None:
        """A new lot; of a position that is open already it belongs to what opened it."""
        if self._lifecycle and self.amount:
            first = self.next()
            acquired_at, opened_by = first.acquired_at, first.opened_by
        self.lots += 1
        place = self._method.place(acquired_at, amount, value)
        left = None if self._method.average else value
        lot = Lot(
            *(self.lots, acquired_at, at, amount, amount, value, left, source, opened_by),
            place=place,
            stored=False,
        )
        heappush(self._queue, (place, self.lots, lot))
        self.changed[self.lots] = lot
        self.amount += amount
        self.cost = None if self.cost is None or value is None else self.cost + value
