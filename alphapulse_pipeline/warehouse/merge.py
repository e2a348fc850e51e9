"""Writes rows: COPY to a staging table, then merge. Equal rows stay untouched."""

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

from alphapulse_pipeline.datasets import PROVENANCE, SCHEMA, Column, History, Table, Type
from alphapulse_pipeline.settings.errors import UserError
from alphapulse_pipeline.warehouse.batches import Moved, Row, Written
from alphapulse_pipeline.warehouse.queries import queries

_SQL = queries("merge")


class KeyCollision(UserError):
    """Two different rows of one batch have the same key; storing either would lose the other."""


class ColumnMismatch(UserError):
    """Rows do not fit the table's columns. The message names the table and the columns."""


def merge(
    cursor: Cursor[TupleRow],
    table: Table,
    rows: Sequence[Row],
    constants: Mapping[str, Any],
    staged: Callable[[Cursor[TupleRow]], None] = lambda _: None,
) -> Written:
    """Write `rows` in the cursor's transaction. Returns how many were inserted and changed, and
    which rows of a history from the exchange were replaced by one of another time.

    `constants` are columns with the same value in every row (account, run, ...). `staged` is called
    once the rows are in the staging table but not yet in `table`. An imported row never overwrites
    a row from the exchange. Raises `KeyCollision` and `ColumnMismatch`; the caller must then roll
    back.
    """
    if not rows:
        return Written()
    _check_columns(table, rows, constants)
    rows = _distinct(table, rows, constants)
    statements = _statements(table)
    cursor.execute(statements.stage)
    with cursor.copy(statements.copy) as copy:
        for lines in _copy_lines(table, rows, constants):
            copy.write(lines)
    staged(cursor)
    inserted, changed = _counts(cursor, statements.merge)
    moved: tuple[Moved, ...] = ()
    if statements.moved and inserted + changed < len(rows):
        found = cursor.execute(statements.moved).fetchall()
        moved = tuple(Moved(tuple(key), time, raw) for *key, time, raw in found)
    if moved:
        changed += _counts(cursor, statements.merge_moved)[1]
    cursor.execute(statements.clear)
    return Written(inserted, changed, len(rows) - inserted - changed, moved)


def _counts(cursor: Cursor[TupleRow], statement: bytes) -> tuple[int, int]:
    """How many rows it inserted and changed."""
    counts = cursor.execute(statement).fetchone()
    if counts is None:
        raise AssertionError("an aggregate always returns a row")
    inserted, changed = counts
    return inserted, changed


def _check_columns(table: Table, rows: Sequence[Row], constants: Mapping[str, Any]) -> None:
    allowed = set(table.written) - constants.keys()
    required = allowed - table.optional.keys()
    for given in {tuple(row) for row in rows}:
        if not required <= set(given) <= allowed:
            differences = (
                ("missing", [name for name in table.written if name in required.difference(given)]),
                ("not in the table:", [name for name in given if name not in allowed]),
            )
            raise ColumnMismatch(
                f"rows for {SCHEMA}.{table.name} do not fit the table: "
                + "; ".join(f"{what} {', '.join(names)}" for what, names in differences if names),
                "change the asset, or migrate the table (`alphapulse up` applies migrations)",
            )


def _distinct(table: Table, rows: Sequence[Row], constants: Mapping[str, Any]) -> list[Row]:
    """One row per key: pages overlap on purpose, so the same row may come twice."""
    names = [name for name in table.key if name not in constants]
    by_key: dict[tuple[Any, ...], Row] = {}
    for row in rows:
        key = tuple([row[name] for name in names])
        known = by_key.setdefault(key, row)
        if known is row:
            continue
        if table.newest_by is not None:
            if row[table.newest_by] >= known[table.newest_by]:
                by_key[key] = row
        elif known != row:
            raise KeyCollision(
                f"{table.name}: two different rows have the key "
                + ", ".join(f"{n}={v}" for n, v in zip(names, key, strict=True)),
                "nothing of this batch was stored; if the rows come from your own asset, give them "
                "different keys, otherwise report this line",
            )
    return list(by_key.values())


def _copy_lines(table: Table, rows: Sequence[Row], constants: Mapping[str, Any]) -> Iterator[str]:
    """Rows in COPY's text format, a thousand at a time.

    Encoding whole columns takes half the time of psycopg's encoding of single values, and lets a
    column reject values that it cannot hold exactly.
    """
    columns = [column for column in table.columns if column.name in table.written]
    for start in range(0, len(rows), 1000):
        chunk = rows[start : start + 1000]
        fields = [
            _fields(table, column, [constants[column.name]]) * len(chunk)
            if column.name in constants
            else _fields(table, column, _values(table, column.name, chunk))
            for column in columns
        ]
        yield "".join(["\t".join(line) + "\n" for line in zip(*fields, strict=True)])


def _values(table: Table, name: str, rows: Sequence[Row]) -> list[Any]:
    if name in table.optional:
        return [row.get(name, table.optional[name]) for row in rows]
    return [row[name] for row in rows]


def _fields(table: Table, column: Column, values: list[Any]) -> list[str]:
    given = [value for value in values if value is not None]
    try:
        texts = _ENCODERS[column.type](given)
    except _InvalidValue as invalid:
        raise ColumnMismatch(
            f"{SCHEMA}.{table.name}.{column.name} {invalid}", "change the asset that made the rows"
        ) from None
    if len(given) == len(values):
        return texts
    rest = iter(texts)
    return [r"\N" if value is None else next(rest) for value in values]


class _InvalidValue(Exception):
    """A value that its column cannot hold. The text is a predicate of the column's name."""


def _require_types(allowed: tuple[type, ...], label: str, values: list[Any]) -> None:
    for given in set(map(type, values)):
        # bool is a subclass of int
        if not issubclass(given, allowed) or (given is bool and bool not in allowed):
            raise _InvalidValue(f"takes {label}, not {given.__name__}")


_NUMBERS = re.compile(r"[-+.0-9Ee]*")
_SPECIAL = re.compile(r"[\\\t\n\r]")
_ESCAPES = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})
_encode_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def _numbers(values: list[Any]) -> list[str]:
    _require_types((Decimal, int, str), "Decimal, since a float is not exact", values)
    texts = [str(value) for value in values]
    if not _NUMBERS.fullmatch("".join(texts)):
        raise _InvalidValue("takes only finite numbers")
    return texts


def _times(values: list[Any]) -> list[str]:
    _require_types((datetime,), "datetime", values)
    if any(value.tzinfo is None for value in values):
        raise _InvalidValue("takes only times with a time zone")
    return [str(value) for value in values]


def _texts(values: list[Any]) -> list[str]:
    _require_types((str, int), "str", values)
    texts = [str(value) for value in values]
    if _SPECIAL.search("".join(texts)):
        return [text.translate(_ESCAPES) for text in texts]
    return texts


def _booleans(values: list[Any]) -> list[str]:
    _require_types((bool,), "bool", values)
    return [str(value) for value in values]


def _json_documents(values: list[Any]) -> list[str]:
    return [_json_document(value).replace("\\", r"\\") for value in values]


def _json_document(value: Any) -> str:
    try:
        return orjson.dumps(value).decode()
    except TypeError:  # orjson cannot write integers of more than 64 bits
        return _encode_json(value)


_ENCODERS: dict[Type, Callable[[list[Any]], list[str]]] = {
    Type.NUMERIC: _numbers,
    Type.TIMESTAMP: _times,
    Type.TEXT: _texts,
    Type.BOOLEAN: _booleans,
    Type.JSON: _json_documents,
}


class _Statements:
    """The SQL that writes one table. It contains only names from the dataset registry."""

    def __init__(self, table: Table) -> None:
        relation = sql.Identifier(SCHEMA, table.name)
        stage = sql.Identifier(f"stage_{table.name}")
        columns = sql.SQL(", ").join(map(sql.Identifier, table.written))
        key = sql.SQL(", ").join(map(sql.Identifier, table.key))
        values = [c for c in table.written if c not in table.key and c not in PROVENANCE]
        stored = sql.SQL(", ").join(sql.SQL("t.{}").format(sql.Identifier(c)) for c in values)
        staged = sql.SQL(", ").join(given("excluded", table, c) for c in values)
        assignments = sql.SQL(", ").join(
            sql.SQL("{} = {}").format(sql.Identifier(c), given("excluded", table, c))
            for c in table.written
            if c not in table.key
        )
        if "recorded_at" in table.by_name:
            assignments += sql.SQL(", recorded_at = clock_timestamp()")
        guard: sql.Composable = sql.SQL("")
        if table.newest_by:
            newest_by = sql.Identifier(table.newest_by)
            guard += sql.SQL(" AND excluded.{0} >= t.{0}").format(newest_by)
        if "origin" in table.by_name:
            guard += sql.SQL(" AND (t.origin <> 'api' OR excluded.origin = 'api')")
        # rendered to bytes once instead of for every batch
        self.stage = (
            sql.SQL(
                "CREATE TEMP TABLE IF NOT EXISTS {stage} AS"
                " SELECT {columns} FROM {table} WITH NO DATA"
            )
            .format(stage=stage, columns=columns, table=relation)
            .as_bytes()
        )
        self.copy = (
            sql.SQL("COPY {stage} ({columns}) FROM STDIN")
            .format(stage=stage, columns=columns)
            .as_bytes()
        )
        names = {
            "table": relation,
            "columns": columns,
            "stage": stage,
            "key": key,
            "assignments": assignments,
            "stored": stored,
            "staged": staged,
        }
        merge = sql.SQL(_SQL.merge.decode())
        self.moved = self.merge_moved = b""
        if isinstance(table, History) and table.time not in table.key:
            time = sql.Identifier(table.time)
            own_key = (sql.SQL("t.{}").format(sql.Identifier(c)) for c in table.key[1:])
            same_time = sql.SQL("t.origin <> 'api' OR t.{0} = excluded.{0}").format(time)
            moved = sql.SQL(_SQL.moved.decode()).format(
                **names,
                time=time,
                own_key=sql.SQL(", ").join(own_key),
                same_time=same_time,
                guard=guard,
            )
            self.moved = moved.as_bytes()
            self.merge_moved = merge.format(**names, guard=guard).as_bytes()
            guard += sql.SQL(" AND ({})").format(same_time)
        self.merge = merge.format(**names, guard=guard).as_bytes()
        self.clear = sql.SQL("TRUNCATE {stage}").format(stage=stage).as_bytes()


def given(row: str, table: Table, column: str) -> sql.Composable:
    """The value with which the row `row` updates a column of the stored row `t`."""
    form = "coalesce({0}.{1}, t.{1})" if column in table.keeps else "{0}.{1}"
    return sql.SQL(form).format(sql.Identifier(row), sql.Identifier(column))


@cache
def _statements(table: Table) -> _Statements:
    return _Statements(table)
