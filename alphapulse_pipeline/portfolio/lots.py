"""Open lots of one asset: the order in which they are sold, and the cost that goes with each.

All four methods share one algorithm: they differ in a lot's place in the queue, and the average
method takes the cost from the whole book instead of the lot. Selling more than is held opens a lot
with a negative amount, which a purchase closes. All sums are exact: a share of a cost is rounded to
18 decimal places, and the last part takes the remainder.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from heapq import heappop, heappush
from typing import NamedTuple

from alphapulse_pipeline.settings.portfolio import CostBasis

DIGITS = 100
"""Precision of the decimal context: sums and products of amounts stay exact."""
_ZERO = Decimal(0)
_SCALE = Decimal(1).scaleb(-18)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Lot:
    """An acquired amount; or one sold short, whose amount and cost are negative."""

    __slots__ = (
        "acquired_at",
        "amount",
        "cost",
        "entered_at",
        "lot_id",
        "opened_by",
        "place",
        "remaining",
        "remaining_cost",
        "source",
        "stored",
    )

    def __init__(
        self,
        lot_id: int,
        acquired_at: datetime,
        entered_at: datetime,
        amount: Decimal,
        remaining: Decimal,
        cost: Decimal | None,
        remaining_cost: Decimal | None,
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
        self.remaining_cost = remaining_cost
        """None if lots cost the average, or if no price was known."""
        self.source = source
        self.opened_by = opened_by
        self.place = place
        """The open lot with the lowest place is sold first."""
        self.stored = stored
        """Whether the database has it: then a change is an update."""


class Part(NamedTuple):
    """The part of a lot that an event closes, with the lot's sign."""

    lot: Lot
    amount: Decimal
    basis: Decimal | None
    """The cost of this part; None if no price was known."""
    value: Decimal | None
    """This part's share of the event's value."""


@dataclass(frozen=True, slots=True)
class Method:
    """How lots are queued, and where their cost comes from."""

    place: Callable[[datetime, Decimal, Decimal | None], Decimal]
    """(acquired at, amount, cost) -> place in the queue, lowest first."""
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
"""For positions: exchanges use their average entry price as well."""


def share(whole: Decimal | None, part: Decimal, of: Decimal) -> Decimal | None:
    """`part / of` of `whole`; all of it for the last part."""
    if whole is None or part == of:
        return whole
    return (whole * part / of).quantize(_SCALE, ROUND_HALF_EVEN)


class Book:
    """The open lots of one asset, of one account or shared by all.

    `more` yields the stored open lots in the order of the queue, a batch at a time: lots that are
    never reached are never read.
    """

    __slots__ = (
        "_lifecycle",
        "_method",
        "_more",
        "_queue",
        "_read_up_to",
        "amount",
        "changed",
        "closed",
        "cost",
        "last_line",
        "last_lot",
    )

    def __init__(
        self,
        method: Method,
        amount: Decimal,
        cost: Decimal | None,
        last_lot: int,
        last_line: int,
        more: Iterator[list[Lot]],
    ) -> None:
        self.amount = amount
        self.cost = cost
        self.last_lot = last_lot
        self.last_line = last_line
        self.changed: dict[int, Lot] = {}
        """Open lots that are new or partly sold."""
        self.closed: list[Lot] = []
        self._method = method
        self._lifecycle = method is POSITION
        self._more: Iterator[list[Lot]] | None = more
        self._queue: list[tuple[Decimal, int, Lot]] = []
        self._read_up_to = (Decimal("-Infinity"), 0)
        """The place up to which all stored lots are in the queue."""

    def next(self) -> Lot:
        """The open lot that is sold first; there must be one."""
        while self._more is not None and (not self._queue or self._queue[0][:2] > self._read_up_to):
            batch = next(self._more, None)
            if batch is None:
                self._more = None
                break
            for lot in batch:
                heappush(self._queue, (lot.place, lot.lot_id, lot))
            self._read_up_to = (batch[-1].place, batch[-1].lot_id)
        return self._queue[0][2]

    def close(self, amount: Decimal, value: Decimal | None) -> list[Part]:
        """Close lots by `amount`, whose sign is the opposite of what is held."""
        parts: list[Part] = []
        while amount and self.amount and (amount < 0) == (self.amount > 0):
            lot = self.next()
            last = abs(lot.remaining) >= abs(amount)
            taken = -amount if last else lot.remaining
            part_value = share(value, -taken, amount)
            if self._method.average:
                basis = share(self.cost, taken, self.amount)
            else:
                basis = share(lot.remaining_cost, taken, lot.remaining)
                lot.remaining_cost = (
                    None
                    if lot.remaining_cost is None or basis is None
                    else lot.remaining_cost - basis
                )
            lot.remaining -= taken
            self.amount -= taken
            if not self.amount:
                self.cost = _ZERO
            elif self.cost is not None and basis is not None:
                self.cost -= basis
            else:
                self.cost = None
            amount += taken
            value = None if value is None or part_value is None else value - part_value
            if lot.remaining:
                self.changed[lot.lot_id] = lot
            else:
                heappop(self._queue)
                self.changed.pop(lot.lot_id, None)
                self.closed.append(lot)
            parts.append(Part(lot, taken, basis, part_value))
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
        """A new lot; an addition to an open position keeps the entry that opened the position."""
        if self._lifecycle and self.amount:
            first = self.next()
            acquired_at, opened_by = first.acquired_at, first.opened_by
        self.last_lot += 1
        place = self._method.place(acquired_at, amount, value)
        remaining_cost = None if self._method.average else value
        lot = Lot(
            self.last_lot,
            acquired_at,
            at,
            amount,
            amount,
            value,
            remaining_cost,
            source,
            opened_by,
            place=place,
            stored=False,
        )
        heappush(self._queue, (place, self.last_lot, lot))
        self.changed[self.last_lot] = lot
        self.amount += amount
        self.cost = None if self.cost is None or value is None else self.cost + value
