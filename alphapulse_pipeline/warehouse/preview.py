"""Rows as text, for the tables in the UI.

Text of an exchange must never be Markdown there: an image in it is loaded by whoever looks at it.
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from psycopg import Connection, sql
from psycopg.rows import TupleRow

from alphapulse_pipeline.datasets import PROVENANCE, SCHEMA, Dataset
from alphapulse_pipeline.warehouse.batches import Comparison

_SHOWN = 20
_HIDDEN = PROVENANCE | {"raw", "account"}


Cells = tuple[Sequence[str], Sequence[Sequence[str]]]
"""The names of the columns, and the rows."""


def preview(connection: Connection[TupleRow], dataset: Dataset, account: str) -> Cells:
    """The five newest rows. For a snapshot dataset: of the newest snapshot."""
    names = [c.name for c in dataset.columns if c.name not in _HIDDEN]
    rows = connection.execute(
        sql.SQL(
            "SELECT {columns} FROM {table} WHERE account = %s ORDER BY {time} DESC LIMIT 5"
        ).format(
            columns=sql.SQL(", ").join(map(sql.Identifier, names)),
            table=sql.Identifier(SCHEMA, dataset.current),
            time=sql.Identifier(dataset.time),
        ),
        [account],
    ).fetchall()
    return cells(names, rows)


def differences(comparison: Comparison) -> Cells:
    """The first differences."""
    shown = comparison.differences[:_SHOWN]
    return cells(
        ["difference", "row", "time", "column", "stored", "given"],
        [(d.kind, d.row, d.time, d.column, d.stored, d.given) for d in shown],
    )


def cells(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> Cells:
    return names, [[_cell(value) for value in row] for row in rows]


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="milliseconds").removesuffix("+00:00")
    return format(value, "f") if isinstance(value, Decimal) else str(value)
