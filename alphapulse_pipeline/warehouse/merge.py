"""COPY to a staging table, then merge: what is the same stays untouched, what is new is counted."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any

import orjson
from psycopg import Cursor, sql
from psycopg.rows import TupleRow
from sqlalchemy import Boolean, Column, Numeric, Text
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP

from alphapulse_pipeline.warehouse.batches import Row, Written
from alphapulse_pipeline.warehouse.columns import SCHEMA
from alphapulse_pipeline.warehouse.tables import PROVENANCE, Dataset


class KeyCollision(Exception):
    """Two different rows of one batch have the same key: storing either would lose the other."""


class ColumnMismatch(Exception):
    """Rows do not fit the table's columns. The text names table, columns and the mend."""


def merge(
    cursor: Cursor[TupleRow],
    dataset: Dataset,
    rows: Sequence[Row],
    constants: Mapping[str, Any],
    staged: Callable[[Cursor[TupleRow]], None] = lambda _: None,
) -> Written:
    """Write `rows` inside the cursor's transaction. Returns what changed.

    `constants` are columns that have the same value in every row (account, run, ...). `staged` is
    called while the staging table holds the rows and the table does not. A row of the exchange's
    is never overwritten by an imported one. Raises `KeyCollision` and `ColumnMismatch`; both leave
    the transaction to be rolled back.
    """
    if not rows:
        return Written()
    _check_columns(dataset, rows, constants)
    rows = _distinct(dataset, rows, constants)
    statements = _statements(dataset)
    cursor.execute(statements.stage)
    with cursor.copy(statements.copy) as copy:
        for lines in _copy_lines(dataset, rows, constants):
            copy.write(lines)
    staged(cursor)
    counts = cursor.execute(statements.merge).fetchone()
    cursor.execute(statements.clear)
    if counts is None:
        raise AssertionError("an aggregate always answers")
    inserted, changed = counts
    return Written(inserted, changed, len(rows) - inserted - changed)


def _check_columns(dataset: Dataset, rows: Sequence[Row], constants: Mapping[str, Any]) -> None:
    wanted = set(dataset.columns) - constants.keys()
    needed = wanted - dataset.may_lack.keys()
    for given in {tuple(row) for row in rows}:
        if not needed <= set(given) <= wanted:
            differences = (
                ("missing", [name for name in dataset.columns if name in needed.difference(given)]),
                ("not in the table:", [name for name in given if name not in wanted]),
            )
            raise ColumnMismatch(
                f"rows for {SCHEMA}.{dataset.name} do not fit the table: "
                + "; ".join(f"{what} {', '.join(names)}" for what, names in differences if names)
                + "; mend the asset, or migrate the table (`alphapulse up` applies migrations)"
            )


def _distinct(dataset: Dataset, rows: Sequence[Row], constants: Mapping[str, Any]) -> list[Row]:
    """One row a key: pages overlap on purpose, so the same row may come twice."""
    names = [name for name in dataset.key if name not in constants]
    found: dict[tuple[Any, ...], Row] = {}
    for row in rows:
        key = tuple([row[name] for name in names])
        known = found.setdefault(key, row)
        if known is row:
            continue
        if dataset.newest_by is not None:
            if row[dataset.newest_by] >= known[dataset.newest_by]:
                found[key] = row
        elif known != row:
            raise KeyCollision(
                f"{dataset.name}: two different rows have the key "
                + ", ".join(f"{n}={v}" for n, v in zip(names, key, strict=True))
            )
    return list(found.values())


def _copy_lines(
    dataset: Dataset, rows: Sequence[Row], constants: Mapping[str, Any]
) -> Iterator[str]:
    """Rows in COPY's text format, a thousand at a time.

    Column by column, which takes half the time of psycopg's value by value, and lets a column
    refuse what it cannot hold exactly.
    """
    columns = [dataset.table.columns[name] for name in dataset.columns]
    for start in range(0, len(rows), 1000):
        chunk = rows[start : start + 1000]
        fields = [
            _fields(dataset, column, [constants[column.name]]) * len(chunk)
            if column.name in constants
            else _fields(dataset, column, _values(dataset, column.name, chunk))
            for column in columns
        ]
        yield "".join(["\t".join(line) + "\n" for line in zip(*fields, strict=True)])


def _values(dataset: Dataset, name: str, rows: Sequence[Row]) -> list[Any]:
    if name in dataset.may_lack:
        return [row.get(name, dataset.may_lack[name]) for row in rows]
    return [row[name] for row in rows]


def _fields(dataset: Dataset, column: Column[Any], values: list[Any]) -> list[str]:
    given = [value for value in values if value is not None]
    try:
        texts = _TEXTS[type(column.type)](given)
    except _Unfit as unfit:
        raise ColumnMismatch(f"{SCHEMA}.{dataset.name}.{column.name} {unfit}") from None
    if len(given) == len(values):
        return texts
    rest = iter(texts)
    return [r"\N" if value is None else next(rest) for value in values]


class _Unfit(Exception):
    """What a column wants and was not given."""


def _only(kinds: tuple[type, ...], wanted: str, values: list[Any]) -> None:
    for found in set(map(type, values)):
        # to Python, True is an int as well
        if not issubclass(found, kinds) or (found is bool and bool not in kinds):
            raise _Unfit(f"takes {wanted}, not {found.__name__}")


_NUMBERS = re.compile(r"[-+.0-9Ee]*")
_SPECIAL = re.compile(r"[\\\t\n\r]")
_ESCAPES = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})
_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def _numbers(values: list[Any]) -> list[str]:
    _only((Decimal, int, str), "Decimal, since a float is not exact", values)
    texts = [str(value) for value in values]
    if not _NUMBERS.fullmatch("".join(texts)):
        raise _Unfit("takes finite numbers only")
    return texts


def _times(values: list[Any]) -> list[str]:
    _only((datetime,), "datetime", values)
    if any(value.tzinfo is None for value in values):
        raise _Unfit("takes times with a zone only")
    return [str(value) for value in values]


def _words(values: list[Any]) -> list[str]:
    _only((str, int), "str", values)
    texts = [str(value) for value in values]
    if _SPECIAL.search("".join(texts)):
        return [text.translate(_ESCAPES) for text in texts]
    return texts


def _flags(values: list[Any]) -> list[str]:
    _only((bool,), "bool", values)
    return [str(value) for value in values]


def _documents(values: list[Any]) -> list[str]:
    return [_document(value).replace("\\", r"\\") for value in values]


def _document(value: Any) -> str:
    try:
        return orjson.dumps(value).decode()
    except TypeError:  # a whole number of more than 64 bits, which orjson does not write
        return _json(value)


_TEXTS: dict[type, Callable[[list[Any]], list[str]]] = {
    Numeric: _numbers,
    TIMESTAMP: _times,
    Text: _words,
    Boolean: _flags,
    JSONB: _documents,
}


class _Statements:
    """The SQL that writes one table. Nothing in it comes from a user: names are the tables'."""

    def __init__(self, dataset: Dataset) -> None:
        table = sql.Identifier(SCHEMA, dataset.name)
        stage = sql.Identifier(f"stage_{dataset.name}")
        columns = sql.SQL(", ").join(map(sql.Identifier, dataset.columns))
        key = sql.SQL(", ").join(map(sql.Identifier, dataset.key))
        facts = [c for c in dataset.columns if c not in dataset.key and c not in PROVENANCE]
        stored = sql.SQL(", ").join(sql.SQL("t.{}").format(sql.Identifier(c)) for c in facts)
        offered = sql.SQL(", ").join(
            sql.SQL("excluded.{}").format(sql.Identifier(c)) for c in facts
        )
        assignments = sql.SQL(", ").join(
            sql.SQL("{0} = excluded.{0}").format(sql.Identifier(c))
            for c in dataset.columns
            if c not in dataset.key
        )
        if "recorded_at" in dataset.table.columns:
            assignments += sql.SQL(", recorded_at = clock_timestamp()")
        allowed: sql.Composable = sql.SQL("")
        if dataset.newest_by:
            newest_by = sql.Identifier(dataset.newest_by)
            allowed += sql.SQL(" AND excluded.{0} >= t.{0}").format(newest_by)
        if "origin" in dataset.columns:
            allowed += sql.SQL(" AND (t.origin <> 'api' OR excluded.origin = 'api')")
        # Made into bytes here, once, instead of in every batch.
        self.stage = (
            sql.SQL(
                "CREATE TEMP TABLE IF NOT EXISTS {stage} AS"
                " SELECT {columns} FROM {table} WITH NO DATA"
            )
            .format(stage=stage, columns=columns, table=table)
            .as_bytes()
        )
        self.copy = (
            sql.SQL("COPY {stage} ({columns}) FROM STDIN")
            .format(stage=stage, columns=columns)
            .as_bytes()
        )
        self.merge = (
            sql.SQL(
                "WITH merged AS ("
                " INSERT INTO {table} AS t ({columns}) SELECT {columns} FROM {stage}"
                " ON CONFLICT ({key}) DO UPDATE SET {assignments}"
                " WHERE ({stored}) IS DISTINCT FROM ({offered}){allowed}"
                " RETURNING xmax = 0 AS inserted)"
                " SELECT count(*) FILTER (WHERE inserted), count(*) FILTER (WHERE NOT inserted)"
                " FROM merged"
            )
            .format(
                table=table,
                columns=columns,
                stage=stage,
                key=key,
                assignments=assignments,
                stored=stored,
                offered=offered,
                allowed=allowed,
            )
            .as_bytes()
        )
        self.clear = sql.SQL("TRUNCATE {stage}").format(stage=stage).as_bytes()


@cache
def _statements(dataset: Dataset) -> _Statements:
    return _Statements(dataset)
