"""Converts the lines of a file to rows of a table, by a preset or by the table's column names."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

from alphapulse_pipeline.datasets import PROVENANCE, Column, History, Type
from alphapulse_pipeline.warehouse.formula_cells import restore
from alphapulse_pipeline.warehouse.imports.cells import (
    BadValue,
    Cell,
    Convert,
    Markets,
    number,
    time,
    word,
)
from alphapulse_pipeline.warehouse.imports.csv_file import CsvFile, Line
from alphapulse_pipeline.warehouse.imports.presets import Preset

Numbered = tuple[int, dict[str, Any] | None]
"""A line number and its row; None if the line is not booked yet."""

_FILLED_BY_WRITER = PROVENANCE | {"account", "raw"}


def by_column_names(file: CsvFile, account: str, dataset: History) -> Preset:
    """The preset for a file that uses the table's column names. Raises `BadFile`.

    Columns that the import fills itself (account, raw, ...) are allowed, and the apostrophe that
    an export puts in front of formulas is taken away, so that an export can be imported.
    """
    columns = {c.name: c for c in dataset.columns if c.name not in _FILLED_BY_WRITER}
    for name in file.header:
        if name not in columns and name not in _FILLED_BY_WRITER:
            raise file.bad(
                1,
                name,
                f"{dataset.name} has no such column",
                f"rename it to one of {', '.join(columns)}, or remove it",
            )
    id_column = dataset.id
    missing = [
        name
        for name, column in columns.items()
        if name not in file.header
        and not column.nullable
        and name != id_column
        and name not in dataset.optional
    ]
    if missing:
        raise file.bad(
            1,
            None,
            f"{dataset.name} needs the columns {', '.join(missing)}",
            "add them to the file",
        )
    fields = {
        name: (name, _convert(dataset, column))
        for name, column in columns.items()
        if name in file.header
    }
    if "account" in file.header:
        fields["account"] = ("account", _same_account(account))
    return Preset(fields, market=lambda markets, text: markets.find(restore(text)))


def _convert(dataset: History, column: Column) -> Convert:
    def convert(cell: Cell) -> Any:
        if not cell.text:
            if column.nullable or column.name in dataset.optional:
                return dataset.optional.get(column.name)
            raise BadValue("the cell is empty", f"{column.name} must have a value")
        if column.name == "market" and cell.market:
            return cell.market.market
        if column.type is Type.NUMERIC:
            return number(cell.text)
        if column.type is Type.TIMESTAMP:
            return time(cell.text)
        text = restore(cell.text)
        return word(text, column.values) if column.values else text

    return convert


def _same_account(account: str) -> Convert:
    def convert(cell: Cell) -> str:
        if cell.text != account:
            raise BadValue(
                f"{cell.text!r} is a different account", f"import only rows of {account}"
            )
        return account

    return convert


def rows(file: CsvFile, preset: Preset, dataset: History, markets: Markets) -> Iterator[Numbered]:
    """Every line as a row, with the line itself as `raw`. Raises `BadFile`.

    A derived id is a digest of the row's content and its number among equal rows, so that the same
    row has the same id in every file.
    """
    required = dict.fromkeys([*(c for c, _ in preset.fields.values()), *preset.incomplete])
    if missing := [name for name in required if name not in file.header]:
        raise file.bad(
            1,
            None,
            f"the columns {', '.join(missing)} are missing",
            "check that the file is the export that the preset names",
        )
    id_column = dataset.id
    names = [name for name in dataset.written if name not in _FILLED_BY_WRITER]
    equal: Counter[str] = Counter()
    for line in file.lines:
        if any(not line.cells[column] for column in preset.incomplete):
            yield line.number, None
            continue
        row: dict[str, Any] = {name: dataset.optional.get(name) for name in names}
        row |= preset.constants
        row |= _values(file, preset, line, markets)
        row.pop("account", None)
        if id_column not in preset.fields:
            content = digest({name: row[name] for name in names if name != id_column})
            equal[content] += 1
            row[id_column] = f"{content}-{equal[content]}"
        yield line.number, row | {"raw": line.cells}


def _values(file: CsvFile, preset: Preset, line: Line, markets: Markets) -> dict[str, Any]:
    values: dict[str, Any] = {}
    market = None
    if "market" in preset.fields:
        column = preset.fields["market"][0]
        try:
            market = preset.market(markets, line.cells[column])
        except BadValue as error:
            raise file.bad(line.number, column, error.problem, error.fix) from None
    for name, (column, convert) in preset.fields.items():
        try:
            values[name] = convert(Cell(line.cells[column], line.cells, market))
        except BadValue as error:
            raise file.bad(line.number, column, error.problem, error.fix) from None
    return values


def digest(values: dict[str, Any]) -> str:
    """A short digest of a row's content, independent of how amounts and times are written."""
    text = json.dumps(values, default=_plain, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def _plain(value: Any) -> str:
    if isinstance(value, Decimal):
        text = f"{value:f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    if isinstance(value, datetime):
        return f"{value.timestamp():.6f}"
    raise TypeError(f"cannot digest a {type(value).__name__}")
