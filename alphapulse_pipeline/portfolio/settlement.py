"""Classification of differences between a balance, or a position, and its history.

Reading a snapshot takes some seconds, and the balance may or may not include an entry of these
seconds. An exchange books entries in order, so a reading includes all entries up to some moment.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from itertools import accumulate, groupby
from operator import itemgetter
from typing import Any, Literal

State = Literal["reconciled", "pending", "unverifiable", "break"]
_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Reading:
    """The entries of a balance in the seconds in which it was read."""

    before: Sequence[Decimal] = ()
    """Entries up to the snapshot's time, newest first: the reading may lack them."""
    after: Sequence[Decimal] = ()
    """Entries after the snapshot's time, oldest first: the reading may include them."""
    in_transit: Sequence[Decimal] = ()
    """Failed withdrawals whose refund has no known time: the reading may lack them."""

    @property
    def offsets(self) -> frozenset[Decimal]:
        """By how much a correct reading may differ from the books at the snapshot's time."""
        lacks = (-amount for amount in accumulate(self.before))
        offsets = frozenset((_ZERO, *lacks, *accumulate(self.after)))
        for amount in self.in_transit:
            offsets |= {offset - amount for offset in offsets}
        return offsets


@dataclass(frozen=True, slots=True)
class Window:
    """Two consecutive snapshots whose balances differ by more than the history between them."""

    difference: Decimal
    opened: Reading
    closed: Reading
    following: "tuple[Decimal, Reading] | None"
    """The next window: its difference and its closing reading."""
    missing: str = ""
    """The part of the history that is not synced yet."""
    unverifiable: str = ""
    """Why the history can never explain the window."""


@dataclass(frozen=True, slots=True)
class Verdict:
    residual: Decimal
    state: State
    reason: str = ""
    carried: Decimal | None = None
    """The offset of the closing reading, if only one is possible: later windows can be classified
    starting from it."""


def settle(windows: Sequence[Window], carried: Decimal | None = None) -> Iterator[Verdict]:
    """A verdict for each window of one balance, in order of time.

    `carried` is that of an earlier verdict; None if these are the first windows, whose first
    reading is assumed to be correct.
    """
    drift, openings = carried or _ZERO, frozenset((_ZERO,))
    if carried is None and windows:
        openings = windows[0].opened.offsets
    for window in windows:
        drift += window.difference
        fitting = _fitting(drift, window.closed, openings)
        reason = "" if -drift in fitting else "explained by entries in the seconds of the reading"
        if not reason or (not window.missing and _continues(window, drift, fitting or openings)):
            openings = fitting or openings
            if len(openings) == 1:
                drift, openings = drift + next(iter(openings)), frozenset((_ZERO,))
                yield Verdict(_ZERO, "reconciled", reason, carried=drift)
            else:
                yield Verdict(_ZERO, "reconciled", reason)
        elif window.missing:
            yield Verdict(drift, "pending", window.missing)
        elif window.following is None and (fitting or len(window.closed.offsets | openings) > 1):
            yield Verdict(drift, "pending", "the next snapshot will decide")
        else:
            state: State = "unverifiable" if window.unverifiable else "break"
            yield Verdict(drift, state, window.unverifiable or "the histories do not explain it")
            drift, openings = _ZERO, window.closed.offsets


def settle_all(
    rows: Iterable[Mapping[str, Any]],
    place: Sequence[str],
    window: Callable[[Mapping[str, Any]], Window],
) -> list[dict[str, Any]]:
    """The verdict for each row: its columns, those of `place`, and `closed_at`.

    `rows` are the windows of many balances or positions, in order of `place` and time; `place` are
    the columns that say which one. The `carried` of the first row of each is that of the verdict
    before it.
    """
    verdicts = []
    for _, group in groupby(rows, key=itemgetter(*place)):
        chain = list(group)
        settled = settle([window(row) for row in chain], chain[0]["carried"])
        for row, verdict in zip(chain, settled, strict=True):
            key = {column: row[column] for column in (*place, "closed_at")}
            verdicts.append(asdict(verdict) | key)
    return verdicts


def _fitting(drift: Decimal, closed: Reading, openings: frozenset[Decimal]) -> frozenset[Decimal]:
    """The offsets of the opening reading for which the closing reading is correct."""
    possible = closed.offsets
    return frozenset(opening for opening in openings if drift + opening in possible)


def _continues(window: Window, drift: Decimal, openings: frozenset[Decimal]) -> bool:
    """Whether the next reading is correct as well: it includes what this one had early or late."""
    if window.following is None:
        return False
    difference, closed = window.following
    return bool(_fitting(drift + difference, closed, openings))
