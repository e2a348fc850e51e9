"""Batches: rows on their way to the database, and the time ranges that they prove complete."""

import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

Row = Mapping[str, Any]
"""Column name -> `Decimal`, `str`, aware `datetime`, `dict` (for `raw`) or None."""


@dataclass(frozen=True, slots=True)
class TimeRange:
    """A half-open range of time, `[start, end)`, both aware."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.start.tzinfo is None or self.end.tzinfo is None:
            raise ValueError("a time range needs times with a time zone")
        if self.end < self.start:
            raise ValueError(f"a time range cannot end before it starts: {self}")

    def __str__(self) -> str:
        return f"[{self.start:%Y-%m-%d %H:%M:%S} .. {self.end:%Y-%m-%d %H:%M:%S})"

    @property
    def empty(self) -> bool:
        return self.start == self.end


@dataclass(frozen=True, slots=True)
class Proof:
    """A range of a stream that is complete once the rows of the same batch are stored."""

    stream: str
    covered: TimeRange
    newest: datetime | None = None
    """The time of the newest of those rows, which becomes the stream's known row."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """A row of a stream that could not be read."""

    stream: str
    row_id: str
    happened_at: datetime | None
    """None if the row's time cannot be read."""
    reason: str
    raw: str
    gap: tuple[TimeRange, ...] = ()
    """The times that cannot be covered because of it."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows and proofs that are committed together."""

    rows: Sequence[Row]
    proofs: Sequence[Proof] = ()
    rejected: Sequence[Rejection] = ()
    streams: Sequence[str] = ()
    """The stream of each row of a history; empty if they were requested one by one."""
    captured_at: datetime | None = None
    """Set for snapshots only. A snapshot is one batch, and is recorded even when it is empty."""
    read_until: datetime | None = None
    """When a snapshot's last answer arrived; events since `captured_at` may be missing from it."""
    share: float | None = None
    """How much of what the run requests of a history has been read with this batch, 0 to 1."""
    unread: Sequence[str] = ()
    """The wallets that a snapshot leaves out, although the account has them."""

    def __post_init__(self) -> None:
        if self.captured_at is not None and self.captured_at.tzinfo is None:
            raise ValueError("a snapshot needs a time with a time zone")


@dataclass(frozen=True, slots=True)
class Difference:
    """A difference between a stored row and the same row read again."""

    kind: str
    """new, changed or vanished."""
    row: str
    """Its key, e.g. `market BTC/USDT, trade_id 1, side buy`."""
    time: datetime
    column: str | None = None
    stored: str | None = None
    given: str | None = None
    """For `raw`, the names of the keys that differ."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """How a second reading of a range differs from the stored rows, apart from new rows."""

    compared: tuple[TimeRange, ...]
    """The times that were fully read for at least one market: rows can vanish only here."""
    changed: int
    updated: int
    """Rows with expected changes, e.g. of an open order. Not counted in `changed`."""
    vanished: int
    """Stored rows that the exchange no longer returns. They are kept."""
    differences: tuple[Difference, ...]
    """The first of each kind, vanished ones first."""


@dataclass(frozen=True, slots=True)
class Moved:
    """A stored row that was replaced, since its key was read again with another time."""

    key: tuple[str, ...]
    """Without the account."""
    time: datetime
    raw: str


@dataclass(frozen=True, slots=True)
class Written:
    """What a commit changed. `rows` counts inserted and changed rows."""

    inserted: int = 0
    changed: int = 0
    unchanged: int = 0
    moved: tuple[Moved, ...] = ()
    """Of the last commit only. They are among the changed rows."""
    comparison: Comparison | None = None
    """Set if `Batches.compare` is."""

    @property
    def rows(self) -> int:
        return self.inserted + self.changed

    def __add__(self, other: "Written") -> "Written":
        return Written(
            self.inserted + other.inserted,
            self.changed + other.changed,
            self.unchanged + other.unchanged,
            other.moved,
            self.comparison or other.comparison,
        )


class Batches:
    """A stream of batches for one dataset of one account.

    An asset cannot return a bare generator, since Dagster would treat its items as events. The
    writer commits each batch before it requests the next, and calls `close` at the end.
    """

    def __init__(
        self,
        account: str,
        dataset: str,
        batches: Generator[Batch, None, None] | Sequence[Batch],
        *,
        log_id: int | None = None,
        requests: Callable[[], int] = lambda: 0,
        compare: TimeRange | None = None,
        began: float | None = None,
    ) -> None:
        self.account = account
        self.dataset = dataset
        self.log_id = log_id
        """The attempt's id in `sync_log`. The writer closes it after the last batch."""
        self.requests = requests
        """Returns the number of requests sent so far."""
        self.began = time.monotonic() if began is None else began
        """When the attempt began, in the monotonic clock: now, unless something was read before."""
        self.compare = compare
        """The range of a history that is read again and compared with the stored rows."""
        self._batches = batches

    def __iter__(self) -> Iterator[Batch]:
        return iter(self._batches)

    def close(self) -> None:
        """Close the source, which stops fetching if the writer gave up early."""
        if isinstance(self._batches, Generator):
            self._batches.close()
