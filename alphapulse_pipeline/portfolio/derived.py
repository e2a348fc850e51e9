"""What a derived table is made of, and how it is made."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.portfolio.charts import Spec
from alphapulse_pipeline.settings.portfolio import PortfolioSettings

Figures = Mapping[str, int | Decimal | str]
"""What a refresh tells of itself, by name."""
Refresh = Callable[[Connection[TupleRow], PortfolioSettings], Figures]
"""Brings a table up to date with what it is made of; the connection is in autocommit."""
Picture = Callable[[Connection[TupleRow], str], Spec | None]
"""A chart of the table in the reporting currency; None where there is nothing to draw."""
Column = tuple[str, str]
"""(table, column): one of a dataset, or of another derived table."""


@dataclass(frozen=True)
class Derived:
    """A table of the schema `portfolio`."""

    name: str
    description: str
    refresh: Refresh
    datasets: tuple[str, ...] = ()
    """The datasets of every account that it is made of."""
    follows: tuple[str, ...] = ()
    """The derived tables that it is made of."""
    lineage: Mapping[str, tuple[Column, ...]] = field(default_factory=dict)
    """Column -> the columns that it comes from."""
    preview: bytes = b""
    """A query for the rows that are shown: the newest or the greatest ones."""
    picture: Picture | None = None
    """What the rows look like."""
