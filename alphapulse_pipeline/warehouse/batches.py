"""What is handed to the database: rows, and what they prove."""

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
            raise ValueError("a time range needs times with a zone")
        if self.end < self.start:
            raise ValueError(f"a time range cannot end before it starts: {self}")

    def __str__(self) -> str:
        return f"[{self.start:%Y-%m-%d %H:%M:%S} .. {self.end:%Y-%m-%d %H:%M:%S})"

    @property
    def empty(self) -> bool:
        return self.start == self.end


@dataclass(frozen=True, slots=True)
class Proof:
    """This range of this stream is complete once the rows that come with it are stored."""

    stream: str
    covered: TimeRange
    newest: datetime | None = None
    """The time of the newest of those rows: where a later answer can be tested."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows that are committed together with what they prove."""

    rows: Sequence[Row]
    proofs: Sequence[Proof] = ()
    captured_at: datetime | None = None
    """Set on the one batch of a snapshot: all or nothing, and kept even when it is empty."""
    read_until: datetime | None = None
    """When the last answer of a snapshot had come: what happened in between may be in it or not."""

    def __post_init__(self) -> None:
        if self.captured_at is not None and self.captured_at.tzinfo is None:
            raise ValueError("a snapshot needs a time with a zone")


@dataclass(frozen=True, slots=True)
class Difference:
    """How a row that was stored and the same row read again differ."""

    what: str
    """new, changed or vanished."""
    row: str
    """Its key, in words."""
    time: datetime
    column: str | None = None
    stored: str | None = None
    given: str | None = None
    """Of `raw`, the names of the keys that differ."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a second reading of a range said differently, besides what was new."""

    compared: tuple[TimeRange, ...]
    """Where a row (of some market at least) can be missed: what every stream has read whole."""
    changed: int
    updated: int
    """Rows that changed in the course of things, as an open order does: not among `changed`."""
    vanished: int
    """Rows that the exchange once gave and did not give again. They stay."""
    differences: tuple[Difference, ...]
    """The first of each kind, vanished ones first."""


@dataclass(frozen=True, slots=True)
class Written:
    """What a commit changed. `rows` counts news only: inserted and changed."""

    inserted: int = 0
    changed: int = 0
    unchanged: int = 0
    comparison: Comparison | None = None
    """Set where `Batches.compare` asked for it."""

    @property
    def rows(self) -> int:
        return self.inserted + self.changed

    def __add__(self, other: "Written") -> "Written":
        return Written(
            self.inserted + other.inserted,
            self.changed + other.changed,
            self.unchanged + other.unchanged,
            self.comparison or other.comparison,
        )


class Batches:
    """A dataset on its way to the database, a batch at a time.

    A bare generator cannot be an asset's value (Dagster takes its items for events), hence this
    class. The writer iterates, commits each batch before it asks for the next, and closes.
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
    ) -> None:
        self.account = account
        self.dataset = dataset
        self.log_id = log_id
        """The attempt's row in `sync_log`, which the writer closes after the last batch."""
        self.requests = requests
        """How many requests it took so far."""
        self.compare = compare
        """A history's range that is read again: tell what differs from what is stored."""
        self._batches = batches

    def __iter__(self) -> Iterator[Batch]:
        return iter(self._batches)

    def close(self) -> None:
        """Let go of the source: stops fetching where the writer gave up."""
        if isinstance(self._batches, Generator):
            self._batches.close()
