"""The classes of datasets.

A *snapshot* is a complete set of rows at one time: what is held or quoted. A *history* is a set of
events, merged by key, with coverage that says which times are proven complete.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
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
"""Columns about how a row was written. A row that differs only there counts as unchanged."""


class Place(NamedTuple):
    """Where a structure was listed, as far as its source knows."""

    wallet: str = ""
    market: str = ""
    """The market's unified name; empty if the dataset has no markets."""
    kind: str = ""
    """The kind of rows in the list, e.g. deposit, if the table stores several."""


Structure = Mapping[str, Any]
"""A unified structure of ccxt, with numbers as text. `info` is the exchange's own row."""


class Part(NamedTuple):
    """A part of a snapshot, e.g. a wallet, that the exchange may report empty by mistake.

    `label` names it in messages; `sql` extracts it from a stored row, `of` from a new one. A row
    that shows no part is NULL in `sql` and None in `of`.
    """

    label: str
    sql: str
    of: Callable[[Row], str | None]


class Updates(NamedTuple):
    """Columns whose changes are expected, and when.

    `when` is a SQL condition on the stored row `t` and the new row `given`.
    """

    columns: tuple[str, ...]
    when: str


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Dataset(Table):
    """A table with rows per account, and the asset that fills it."""

    time: str
    """The column with a row's time, which decides its daily partition."""
    description: str
    """The asset's description in the UI."""
    owners: tuple[str, ...] = ("team:alphapulse",)
    kinds: frozenset[str] = frozenset({"postgres"})
    lineage: Mapping[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    """Column -> the (dataset, column) pairs it depends on."""

    @property
    def is_snapshot(self) -> bool:
        return isinstance(self, Snapshot)

    @property
    def current(self) -> str:
        """The relation with the current rows: the newest snapshot, or the whole history."""
        return f"{self.name}_latest" if self.is_snapshot else self.name


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Snapshot(Dataset):
    """Holdings or quotes at one time. What the newest snapshot does not list is zero."""

    time: str = "captured_at"
    part: Part | None = None


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class History(Dataset):
    """Events, one per row."""

    id: str
    """The column with the exchange's id; derived from the row's content if a file has no ids."""
    row: Callable[[Structure, Place], Row]
    """Converts a ccxt structure to a row, without `account` and the provenance."""
    identity: tuple[str, ...]
    """Two rows with equal values here, at the same time, are one event stored twice."""
    import_match: tuple[str, ...]
    """An imported row without an id equals the exchange's row with the same values here and in the
    same second, since exports have no fractions of a second."""
    updates: Updates | None = None
    unsettled: str = ""
    """A SQL condition. Rows that meet it were not final when read, and are read again."""
    period: timedelta | None = None
    """How long what a row describes lasts, e.g. a day. It is read once that is over, and final."""
    affects_balances: bool = True
    """Whether its rows change balances. If so, `warehouse/sql/portfolio/movements/<name>.sql`
    defines how; `migrate` fails without that file."""
    ledger_classes: tuple[str, ...] = ()
    """The ledger classes whose entries repeat rows of this history. An entry is left out of the
    movements as far as rows that are stored explain it: see `portfolio.counted`."""

    @cached_property
    def subject(self) -> str:
        """The column with what a row is about: its market, else an asset."""
        return next(name for name in ("market", "asset", "from_asset") if name in self.by_name)

    @cached_property
    def stored_under(self) -> tuple[str, ...]:
        """The key columns that are not part of a row's identity."""
        return tuple(name for name in self.key if name != "account" and name not in self.identity)

    @cached_property
    def required(self) -> tuple[str, ...]:
        """The columns that a parsed row must have a value for."""
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
    """The columns of a snapshot: account and time, then `columns`."""
    captured_at = Column(
        "captured_at",
        Type.TIMESTAMP,
        "When the snapshot was taken, exchange time.",
        nullable=False,
        key=True,
    )
    return (ACCOUNT, captured_at, *columns)


def history_columns(*columns: Column) -> tuple[Column, ...]:
    """The columns of a history: account, `columns`, the exchange's own row, and the provenance."""
    return (
        ACCOUNT,
        *columns,
        Column("raw", Type.JSON, "The exchange's own JSON, complete.", nullable=False),
        Column(
            "origin",
            Type.TEXT,
            "Origin of the row: api or import.",
            nullable=False,
            default="'api'",
        ),
        text("run_id", "The Dagster run that last wrote the row.", nullable=False),
        Column(
            "recorded_at",
            Type.TIMESTAMP,
            "When the row was last written.",
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
