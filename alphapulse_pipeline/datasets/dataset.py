"""What a dataset is. Each has a file of its own here, and everything that lists datasets reads it.

A *snapshot* is what is held or quoted now: one complete set of rows per reading. A *history* is
what happened: rows that are merged by key, with the time ranges that are proven complete.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from alphapulse_pipeline.datasets.table import (
    ACCOUNT,
    Column,
    Index,
    Table,
    Type,
    text,
)
from alphapulse_pipeline.datasets.values import Row

PROVENANCE = frozenset({"origin", "run_id", "recorded_at"})
"""Columns about the writing of a row, not about the row: a change there is no news."""


class Place(NamedTuple):
    """Where a structure was listed, as far as its source knows."""

    wallet: str = ""
    market: str = ""
    """The market's unified name; empty where the dataset has no markets."""
    kind: str = ""
    """What the list holds, where one table stores several kinds, e.g. deposit."""


Structure = Mapping[str, Any]
"""One of ccxt's unified structures, its numbers as text. `info` is the exchange's own row."""


class Part(NamedTuple):
    """A part of a snapshot that the exchange answers separately, and that may be empty by mistake.

    `label` names it in messages, `sql` finds it in a stored row, `of` in a new one.
    """

    label: str
    sql: str
    of: Callable[[Row], str]


class Updates(NamedTuple):
    """Columns that change during a row's life, and when that is normal.

    `when` is a SQL condition on the stored row `t` and the new row `given`.
    """

    columns: tuple[str, ...]
    when: str


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Dataset(Table):
    """A table that is filled per account, and its asset."""

    time: str
    """The column that places a row in time, and so in a daily partition."""
    description: str
    """What the asset's page says."""
    owners: tuple[str, ...] = ("team:alphapulse",)
    kinds: frozenset[str] = frozenset({"postgres"})
    lineage: Mapping[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    """Column -> the (dataset, column) pairs that decide its values."""

    @property
    def is_snapshot(self) -> bool:
        return isinstance(self, Snapshot)

    @property
    def current(self) -> str:
        """The relation with the current rows: a snapshot's newest reading, a whole history."""
        return f"{self.name}_latest" if self.is_snapshot else self.name


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Snapshot(Dataset):
    """What is held or quoted at one time. What the newest snapshot does not list is zero."""

    time: str = "captured_at"
    part: Part | None = None


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class History(Dataset):
    """What happened, row by row."""

    id: str
    """The column with the exchange's id; derived from the row where an imported file has none."""
    row: Callable[[Structure, Place], Row]
    """A ccxt structure as a row of the table, without `account` and the provenance."""
    identity: tuple[str, ...]
    """Two rows with equal values here, at the same time, are one thing stored twice."""
    import_match: tuple[str, ...]
    """An imported row without an id is the exchange's row with equal values here, in the same
    second: exports carry no fractions of a second."""
    updates: Updates | None = None
    unsettled: str = ""
    """A SQL condition: a row that meets it was not final when it was read, and is read again."""
    affects_balances: bool = True
    """Whether its rows change balances. Then `warehouse/sql/portfolio/movements/<name>.sql` says
    how; `migrate` refuses a history without it."""
    ledger_classes: tuple[str, ...] = ()
    """The classes of ledger entries that repeat rows of this history."""
    more_indexes: tuple[Index, ...] = ()

    @cached_property
    def subject(self) -> str:
        """The column with what a row is about: its market, else an asset."""
        return next(name for name in ("market", "asset", "from_asset") if name in self.by_name)

    @cached_property
    def stored_under(self) -> tuple[str, ...]:
        """The key columns that are no part of a row's identity."""
        return tuple(name for name in self.key if name != "account" and name not in self.identity)

    @cached_property
    def required(self) -> tuple[str, ...]:
        """The columns that a parsed row must fill."""
        return tuple(
            column.name
            for column in self.columns
            if not (column.nullable or column.key or column.default)
            and column.name not in PROVENANCE
        )

    @property
    def indexes(self) -> tuple[Index, ...]:
        return (
            Index(f"{self.name}_{self.time}", ("account", self.time)),
            Index(f"{self.name}_recorded_at", ("account", "recorded_at")),
            *self.more_indexes,
        )


def snapshot_columns(*columns: Column) -> tuple[Column, ...]:
    """The columns of a snapshot: those given, behind the account and the time."""
    captured_at = Column(
        "captured_at",
        Type.TIMESTAMP,
        "When the snapshot was taken, exchange time.",
        nullable=False,
        key=True,
    )
    return (ACCOUNT, captured_at, *columns)


def history_columns(*columns: Column) -> tuple[Column, ...]:
    """The columns of a history: those given, the exchange's own row, and the provenance."""
    return (
        ACCOUNT,
        *columns,
        Column("raw", Type.JSON, "The exchange's own JSON, complete.", nullable=False),
        Column(
            "origin",
            Type.TEXT,
            "Where the row came from: api or import.",
            nullable=False,
            default="'api'",
        ),
        text("run_id", "The Dagster run that wrote the row last.", nullable=False),
        Column(
            "recorded_at",
            Type.TIMESTAMP,
            "When the row was written last.",
            nullable=False,
            default="clock_timestamp()",
        ),
    )


__all__ = [
    "PROVENANCE",
    "Dataset",
    "History",
    "Part",
    "Place",
    "Row",
    "Snapshot",
    "Structure",
    "Updates",
    "history_columns",
    "snapshot_columns",
]
