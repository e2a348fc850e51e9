"""Rows as Markdown tables for the UI."""

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


def preview(connection: Connection[TupleRow], dataset: Dataset, account: str) -> str:
    """The five newest rows as a Markdown table. For a snapshot dataset: of the newest snapshot."""
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
    return markdown(names, rows)


def differences(comparison: Comparison) -> str:
    """The first differences as a Markdown table."""
    shown = comparison.differences[:_SHOWN]
    return markdown(
        ["difference", "row", "time", "column", "stored", "given"],
        [(d.kind, d.row, d.time, d.column, d.stored, d.given) for d in shown],
    )


def markdown(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """A Markdown table."""
    lines = [names, ["---"] * len(names), *([_cell(v) for v in row] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="milliseconds").removesuffix("+00:00")
    text = format(value, "f") if isinstance(value, Decimal) else str(value)
    return " ".join(text.replace("|", "\\|").splitlines())
