"""Table definitions: columns with types and comments, and how rows are merged.

Amounts are `NUMERIC` without a scale, which keeps every digit that the exchange sent. Times are
`TIMESTAMPTZ`. Key columns are `NOT NULL DEFAULT ''`, since a NULL in a key would allow duplicates.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

SCHEMA = "alphapulse"


class Type(StrEnum):
    """A column's type in PostgreSQL."""

    TEXT = "text"
    NUMERIC = "numeric"
    TIMESTAMP = "timestamptz"
    BOOLEAN = "boolean"
    JSON = "jsonb"
    INTEGER = "integer"
    BIGINT = "bigint"
    INTERVAL = "interval"
    TEXT_ARRAY = "text[]"
    RANGE = "tstzrange"
    MULTIRANGE = "tstzmultirange"


IDENTITY = "GENERATED ALWAYS AS IDENTITY"
"""The default of a column that PostgreSQL numbers."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column. `values` are its allowed values, if they are a fixed set."""

    name: str
    type: Type
    comment: str
    nullable: bool = True
    key: bool = False
    default: str | None = None
    """A SQL expression."""
    values: tuple[str, ...] = ()


def key(name: str, comment: str, values: tuple[str, ...] = ()) -> Column:
    """A column of the primary key."""
    return Column(name, Type.TEXT, comment, nullable=False, key=True, default="''", values=values)


def text(name: str, comment: str, *, nullable: bool = True, values: tuple[str, ...] = ()) -> Column:
    return Column(name, Type.TEXT, comment, nullable=nullable, values=values)


def numeric(name: str, comment: str, *, nullable: bool = True) -> Column:
    return Column(name, Type.NUMERIC, comment, nullable=nullable)


def timestamp(name: str, comment: str, *, nullable: bool = True) -> Column:
    return Column(name, Type.TIMESTAMP, comment, nullable=nullable)


@dataclass(frozen=True, slots=True)
class Index:
    """A secondary index. `where` is a SQL condition that makes it partial."""

    name: str
    columns: tuple[str, ...]
    where: str = ""


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Table:
    """A table of the schema `alphapulse`, and how rows are merged into it."""

    name: str
    comment: str
    columns: tuple[Column, ...]
    newest_by: str | None = None
    """If a key is written again, the row with the greater value in this column wins."""
    optional: Mapping[str, str | None] = field(default_factory=dict)
    """Columns that a row may omit, since not every source has them, and their values then."""
    keeps: frozenset[str] = frozenset()
    """Columns whose stored value is kept if a row that is written again has none: some exchanges
    stop saying it after a while."""

    more_indexes: tuple[Index, ...] = ()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"

    @cached_property
    def key(self) -> tuple[str, ...]:
        """The names of the primary key columns."""
        return tuple(column.name for column in self.columns if column.key)

    @cached_property
    def written(self) -> tuple[str, ...]:
        """The names of the columns that the writer fills; the database fills `recorded_at`."""
        return tuple(column.name for column in self.columns if column.name != "recorded_at")

    @cached_property
    def by_name(self) -> Mapping[str, Column]:
        return {column.name: column for column in self.columns}

    @property
    def indexes(self) -> tuple[Index, ...]:
        return self.more_indexes


ACCOUNT = key("account", "The account: the name of its folder under defs/.")
WALLET = "The wallet inside the account, e.g. unified or funding."
MARKET = "The market's unified name, e.g. BTC/USDT or BTC/USDT:USDT."
