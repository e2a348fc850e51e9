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
    away: Sequence[Decimal] = ()
    """Withdrawals that were called off nobody knows when: the reading may lack them."""

    @property
    def offsets(self) -> frozenset[Decimal]:
        """By how much a true reading may differ from the books at the snapshot's time."""
        lacks = (-amount for amount in accumulate(self.before))
        offsets = frozenset((_ZERO, *lacks, *accumulate(self.after)))
        for amount in self.away:
            offsets |= {offset - amount for offset in offsets}
        return offsets


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
    """By how much the closing reading is early or late, where that is known: later windows can be
    judged from there on."""


def settle(windows: Sequence[Window], carried: Decimal | None = None) -> Iterator[Verdict]:
    """A verdict for each window of one balance, in the order of time.

    `carried`: of a verdict before them; None: they are the first ones. The first reading of all is
    taken for a true one.
    """
    drift, openings = carried or _ZERO, frozenset((_ZERO,))
    if carried is None and windows:
        openings = windows[0].opened.offsets
    for window in windows:
        drift += window.difference
        fitting = _fitting(drift, window.closed, openings)
        reason = "" if -drift in fitting else "the seconds of reading explain it"
        if not reason or (not window.missing and _goes_on(window, drift, fitting or openings)):
            openings = fitting or openings
            if len(openings) == 1:
                drift, openings = drift + next(iter(openings)), frozenset((_ZERO,))
                yield Verdict(_ZERO, "zero", reason, carried=drift)
            else:
                yield Verdict(_ZERO, "zero", reason)
        elif window.missing:
            yield Verdict(drift, "pending", window.missing)
        elif window.following is None and (fitting or len(window.closed.offsets | openings) > 1):
            yield Verdict(drift, "pending", "the next snapshot tells")
        else:
            state: State = "unwitnessed" if window.lost else "off"
            yield Verdict(drift, state, window.lost or "the histories do not explain it")
            drift, openings = _ZERO, window.closed.offsets


def _fitting(drift: Decimal, closed: Reading, openings: frozenset[Decimal]) -> frozenset[Decimal]:
    """The offsets of the opening reading with which the closing one is a true one."""
    there = closed.offsets
    return frozenset(opening for opening in openings if drift + opening in there)


def _goes_on(window: Window, drift: Decimal, openings: frozenset[Decimal]) -> bool:
    """Whether the next reading is a true one as well: what this one had too early or too late is
    in its place there."""
    if window.following is None:
        return False
    difference, closed = window.following
    return bool(_fitting(drift + difference, closed, openings))
