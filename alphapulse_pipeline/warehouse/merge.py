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

from alphapulse_pipeline.datasets import PROVENANCE, SCHEMA, Column, Table, Type
from alphapulse_pipeline.warehouse.batches import Row, Written


class KeyCollision(Exception):
    """Two different rows of one batch have the same key: storing either would lose the other."""


class ColumnMismatch(Exception):
    """Rows do not fit the table's columns. The text names table, columns and the mend."""


def merge(
    cursor: Cursor[TupleRow],
    table: Table,
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
    _check_columns(table, rows, constants)
    rows = _distinct(table, rows, constants)
    statements = _statements(table)
    cursor.execute(statements.stage)
    with cursor.copy(statements.copy) as copy:
        for lines in _copy_lines(table, rows, constants):
            copy.write(lines)
    staged(cursor)
    counts = cursor.execute(statements.merge).fetchone()
    cursor.execute(statements.clear)
    if counts is None:
        raise AssertionError("an aggregate always answers")
    inserted, changed = counts
    return Written(inserted, changed, len(rows) - inserted - changed)


def _check_columns(table: Table, rows: Sequence[Row], constants: Mapping[str, Any]) -> None:
    wanted = set(table.written) - constants.keys()
    needed = wanted - table.optional.keys()
    for given in {tuple(row) for row in rows}:
        if not needed <= set(given) <= wanted:
            differences = (
                ("missing", [name for name in table.written if name in needed.difference(given)]),
                ("not in the table:", [name for name in given if name not in wanted]),
            )
            raise ColumnMismatch(
                f"rows for {SCHEMA}.{table.name} do not fit the table: "
                + "; ".join(f"{what} {', '.join(names)}" for what, names in differences if names)
                + "; mend the asset, or migrate the table (`alphapulse up` applies migrations)"
            )


def _distinct(table: Table, rows: Sequence[Row], constants: Mapping[str, Any]) -> list[Row]:
    """One row a key: pages overlap on purpose, so the same row may come twice."""
    names = [name for name in table.key if name not in constants]
    found: dict[tuple[Any, ...], Row] = {}
    for row in rows:
        key = tuple([row[name] for name in names])
        known = found.setdefault(key, row)
        if known is row:
            continue
        if table.newest_by is not None:
            if row[table.newest_by] >= known[table.newest_by]:
                found[key] = row
        elif known != row:
            raise KeyCollision(
                f"{table.name}: two different rows have the key "
                + ", ".join(f"{n}={v}" for n, v in zip(names, key, strict=True))
            )
    return list(found.values())


def _copy_lines(table: Table, rows: Sequence[Row], constants: Mapping[str, Any]) -> Iterator[str]:
    """Rows in COPY's text format, a thousand at a time.

    Column by column, which takes half the time of psycopg's value by value, and lets a column
    refuse what it cannot hold exactly.
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
        texts = _TEXTS[column.type](given)
    except _Unfit as unfit:
        raise ColumnMismatch(f"{SCHEMA}.{table.name}.{column.name} {unfit}") from None
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


_TEXTS: dict[Type, Callable[[list[Any]], list[str]]] = {
    Type.NUMERIC: _numbers,
    Type.TIMESTAMP: _times,
    Type.TEXT: _words,
    Type.BOOLEAN: _flags,
    Type.JSON: _documents,
}


class _Statements:
    """The SQL that writes one table. Nothing in it comes from a user: names are the tables'."""

    def __init__(self, table: Table) -> None:
        relation = sql.Identifier(SCHEMA, table.name)
        stage = sql.Identifier(f"stage_{table.name}")
        columns = sql.SQL(", ").join(map(sql.Identifier, table.written))
        key = sql.SQL(", ").join(map(sql.Identifier, table.key))
        facts = [c for c in table.written if c not in table.key and c not in PROVENANCE]
        stored = sql.SQL(", ").join(sql.SQL("t.{}").format(sql.Identifier(c)) for c in facts)
        offered = sql.SQL(", ").join(
            sql.SQL("excluded.{}").format(sql.Identifier(c)) for c in facts
        )
        assignments = sql.SQL(", ").join(
            sql.SQL("{0} = excluded.{0}").format(sql.Identifier(c))
            for c in table.written
            if c not in table.key
        )
        if "recorded_at" in table.by_name:
            assignments += sql.SQL(", recorded_at = clock_timestamp()")
        allowed: sql.Composable = sql.SQL("")
        if table.newest_by:
            newest_by = sql.Identifier(table.newest_by)
            allowed += sql.SQL(" AND excluded.{0} >= t.{0}").format(newest_by)
        if "origin" in table.by_name:
            allowed += sql.SQL(" AND (t.origin <> 'api' OR excluded.origin = 'api')")
        # Made into bytes here, once, instead of in every batch.
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
                table=relation,
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
def _statements(table: Table) -> _Statements:
    return _Statements(table)
