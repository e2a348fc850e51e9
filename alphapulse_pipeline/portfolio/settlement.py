"""When a difference between a balance and its history is none: the seconds of a reading.

A balance is read within some seconds, and what happened in these may be in it or not. The
exchange's books are in the order of time, so a reading holds all entries up to some moment of them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import accumulate
from typing import Literal

State = Literal["zero", "pending", "unwitnessed", "off"]
_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Reading:
    """What moved a balance in the very seconds in which it was read."""

    before: Sequence[Decimal] = ()
    """Entries up to the snapshot's time, the latest first: the reading may lack them."""
    after: Sequence[Decimal] = ()
    """Entries after the snapshot's time, the earliest first: the reading may hold them."""

    @property
    def offsets(self) -> frozenset[Decimal]:
        """By how much a true reading may differ from the books at the snapshot's time."""
        lacks = (-amount for amount in accumulate(self.before))
        return frozenset((_ZERO, *lacks, *accumulate(self.after)))


@dataclass(frozen=True, slots=True)
class Window:
    """Between two snapshots, where closing is not opening and the history between them."""

    difference: Decimal
    opened: Reading
    closed: Reading
    following: "tuple[Decimal, Reading] | None"
    """The window after it: its difference and its closing reading."""
    missing: str = ""
    """What of the history is not there yet, and may come."""
    lost: str = ""
    """Why the history cannot explain the window, and never will."""


@dataclass(frozen=True, slots=True)
class Verdict:
    residual: Decimal
    state: State
    reason: str = ""
    carried: Decimal | None = None
    """By how much the closing reading is late or early, where its own seconds explain it."""


def settle(windows: Sequence[Window], carried: Decimal | None = None) -> Iterator[Verdict]:
    """A verdict for each window of one balance, in the order of time.

    `carried`: of the last reading before them that was explained; None: they are the first ones,
    and their first opening is taken as it is.
    """
    drift, allowed = carried or _ZERO, frozenset((_ZERO,))
    if carried is None and windows:
        allowed = windows[0].opened.offsets
    for window in windows:
        drift += window.difference
        if (kept := _explained(drift, window.closed, allowed)) is not None:
            drift, allowed = drift + kept, frozenset((_ZERO,))
            yield Verdict(_ZERO, "zero", "within the seconds of reading", carried=drift)
        elif window.missing:
            yield Verdict(drift, "pending", window.missing)
        elif window.following is None and len(window.closed.offsets | allowed) > 1:
            yield Verdict(drift, "pending", "the next snapshot tells")
        elif window.following is not None and _settled_by(window.following, drift, allowed):
            yield Verdict(_ZERO, "zero", "the next snapshot has it")
        else:
            state: State = "unwitnessed" if window.lost else "off"
            yield Verdict(drift, state, window.lost or "the histories do not explain it")
            drift, allowed = _ZERO, window.closed.offsets


def _explained(drift: Decimal, closed: Reading, allowed: frozenset[Decimal]) -> Decimal | None:
    """The opening's offset with which the closing reading is a true one; the least of them."""
    found = (opening for opening in allowed if drift + opening in closed.offsets)
    return min(found, key=abs, default=None)


def _settled_by(
    following: tuple[Decimal, Reading], drift: Decimal, allowed: frozenset[Decimal]
) -> bool:
    difference, closed = following
    return _explained(drift + difference, closed, allowed) is not None
