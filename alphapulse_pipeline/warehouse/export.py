"""Streams the rows of a query to a file, without loss: CSV or Parquet."""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Context, Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from psycopg import Column, Connection, sql
from psycopg.rows import TupleRow
from psycopg.types.string import TextLoader

from alphapulse_pipeline.settings.errors import SettingsError
from alphapulse_pipeline.warehouse.formula_cells import protected
from alphapulse_pipeline.warehouse.frames import INFINITE

if TYPE_CHECKING:
    import pyarrow

_BATCH_ROWS = 10_000
DIGITS, PLACES = 38, 18
"""Every number is DECIMAL(38, 18): the widest that DuckDB, Polars and pandas read exactly, and
enough for the smallest unit of every coin."""
EXACT = "exact_values"
"""The column for the numbers that do not fit."""
_NUMERIC = 1700  # the type's oid, with and without a precision
_UNIT = Decimal(1).scaleb(-PLACES)
_LIMIT = Decimal(1).scaleb(DIGITS - PLACES)
_CONTEXT = Context(prec=DIGITS, rounding=ROUND_HALF_EVEN)
_NATIVE_TYPES: Mapping[str, Callable[[Any], Any]] = {
    "bool": lambda pa: pa.bool_(),
    "int2": lambda pa: pa.int16(),
    "int4": lambda pa: pa.int32(),
    "int8": lambda pa: pa.int64(),
    "float4": lambda pa: pa.float32(),
    "float8": lambda pa: pa.float64(),
    "text[]": lambda pa: pa.list_(pa.string()),
}
"""PostgreSQL types with an equivalent in both Python and Parquet."""


def to_csv(connection: Connection[TupleRow], query: str, file: BinaryIO) -> None:
    """Write the rows as PostgreSQL's CSV with a header: NULL is empty, an empty text is `""`.

    Text that a spreadsheet would run as a formula gets an apostrophe in front.
    """
    columns = _columns(connection, query)
    # by position, since a query may give two columns the same name
    cells = [sql.Identifier(f"column{n}") for n in range(len(columns))]
    select = sql.SQL(", ").join(
        sql.SQL("{} AS {}").format(protected(cell) if is_text else cell, sql.Identifier(name))
        for cell, is_text, name in zip(
            cells, are_texts(connection, columns), (c.name for c in columns), strict=True
        )
    )
    copy = b"COPY (SELECT %b FROM (%b\n) AS rows (%b)) TO STDOUT (FORMAT csv, HEADER)" % (
        select.as_bytes(connection),
        query.encode(),
        sql.SQL(", ").join(cells).as_bytes(connection),
    )
    with connection.cursor() as cursor, cursor.copy(copy) as rows:
        for block in rows:
            file.write(block)


def are_texts(connection: Connection[TupleRow], columns: Sequence[Column]) -> list[bool]:
    """Whether each column is text, which may hold anything; numbers, times and JSON are not."""
    texts = connection.execute("SELECT oid FROM pg_type WHERE typcategory = 'S'").fetchall()
    return [(column.type_code,) in texts for column in columns]


def to_parquet(connection: Connection[TupleRow], query: str, path: Path) -> Mapping[str, int]:
    """Write the rows as Parquet. Returns how many numbers of each column did not fit.

    The schema follows from the types of the columns alone, so that all files of a table have the
    same. A number that does not fit its DECIMAL(38, 18) is never rounded silently: it is rounded to
    18 places, or NULL where it is too large or not a number, and all its digits are in the last
    column, `exact_values`: a JSON object, NULL in a row where every number fits. Times are in UTC
    and microseconds; -infinity is year 1, infinity year 9999. Other types are PostgreSQL's text.
    Raises `SettingsError` if the query has a column of that name.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = _columns(connection, query)
    names = [column.name for column in columns]
    if EXACT in names:
        raise SettingsError(f"the query has a column {EXACT}, which export adds", "rename it")
    numbers = [index for index, column in enumerate(columns) if _numeric(column)]
    schema = pa.schema([pa.field(c.name, _type(c)) for c in columns])
    if numbers:
        schema = schema.append(pa.field(EXACT, pa.string()))
    misfits: Counter[str] = Counter()
    with (
        connection.transaction(),
        connection.cursor("export") as cursor,
        pq.ParquetWriter(path, schema) as writer,
    ):
        for column in columns:
            if _as_text(column):
                cursor.adapters.register_loader(column.type_code, TextLoader)
        cursor.execute(query.encode())
        while rows := cursor.fetchmany(_BATCH_ROWS):
            cells = [list(column) for column in zip(*rows, strict=True)]
            if numbers:
                cells.append(_fit(cells, {index: names[index] for index in numbers}, misfits))
            arrays = [
                pa.array([_cell(cell, field.type) for cell in column], field.type)
                for column, field in zip(cells, schema, strict=True)
            ]
            writer.write_batch(pa.record_batch(arrays, schema=schema))
    return misfits


def _fit(
    cells: list[list[Any]], numbers: Mapping[int, str], misfits: Counter[str]
) -> list[str | None]:
    """Make the numbers of these columns fit; the exact ones of each row that did not."""
    exact: dict[int, dict[str, str]] = {}
    for index, name in numbers.items():
        column = cells[index]
        for row, value in enumerate(column):
            if value is None or _fits(value):
                continue
            misfits[name] += 1
            exact.setdefault(row, {})[name] = f"{value:f}"
            column[row] = _nearest(value)
    return [json.dumps(exact[row]) if row in exact else None for row in range(len(cells[0]))]


def _fits(value: Decimal) -> bool:
    return value.is_finite() and abs(value) < _LIMIT and value == _nearest(value)


def _nearest(value: Decimal) -> Decimal | None:
    """The nearest number that fits; None if it is too large or not a number."""
    if not value.is_finite() or abs(value) >= _LIMIT - _UNIT:
        return None
    return value.quantize(_UNIT, context=_CONTEXT)


def _columns(connection: Connection[TupleRow], query: str) -> Sequence[Column]:
    none = connection.execute(f"SELECT * FROM ({query}\n) AS rows LIMIT 0".encode())
    return none.description or ()


def _type(column: Column) -> "pyarrow.DataType":
    import pyarrow as pa

    if _numeric(column):
        return pa.decimal128(DIGITS, PLACES)
    if column.type_display == "timestamptz":
        return pa.timestamp("us", tz="UTC")
    native = _NATIVE_TYPES.get(column.type_display)
    return native(pa) if native else pa.string()


def _numeric(column: Column) -> bool:
    return column.type_code == _NUMERIC


def _as_text(column: Column) -> bool:
    """Whether values are fetched as text: Python's datetime, for one, has no -infinity."""
    return column.type_display not in _NATIVE_TYPES and not _numeric(column)


def _cell(value: Any, type_: "pyarrow.DataType") -> Any:
    import pyarrow as pa

    if isinstance(value, str) and pa.types.is_timestamp(type_):
        return INFINITE.get(value) or datetime.fromisoformat(value)
    return value
