"""The definition of a derived table: its sources, how it is refreshed, how it is shown."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.portfolio.charts import Spec
from alphapulse_pipeline.settings.portfolio import PortfolioSettings

Figures = Mapping[str, int | Decimal | str]
"""What a refresh reports, by label."""
Refresh = Callable[[Connection[TupleRow], PortfolioSettings], Figures]
"""Brings a table up to date with its sources; the connection is in autocommit mode."""
Picture = Callable[[Connection[TupleRow], str], Spec | None]
"""A chart of the table in the reporting currency; None if there are no rows to draw."""
Column = tuple[str, str]
"""(table, column) of a dataset or of a derived table."""


@dataclass(frozen=True)
class View:
    """A view of the schema `portfolio`, which is never refreshed."""

    name: str
    description: str
    datasets: tuple[str, ...] = ()
    """The datasets that it reads, of every account."""
    follows: tuple[str, ...] = ()
    """The derived tables and views that it reads."""


@dataclass(frozen=True)
class Derived:
    """A table of the schema `portfolio`."""

    name: str
    description: str
    refresh: Refresh
    datasets: tuple[str, ...] = ()
    """The datasets that it reads, of every account."""
    follows: tuple[str, ...] = ()
    """The derived tables that it reads."""
    lineage: Mapping[str, tuple[Column, ...]] = field(default_factory=dict)
    """Column -> the columns it is calculated from."""
    preview: bytes = b""
    """A query for a handful of rows: the newest or the largest."""
    picture: Picture | None = None
    stored: str = ""
    """The table that holds the rows, if `name` is a view on it."""
