"""A query's rows into a file, exact and streamed: CSV by the server itself, or Parquet."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from psycopg import Column, Connection, sql
from psycopg.rows import TupleRow
from psycopg.types.string import TextLoader

if TYPE_CHECKING:
    import pyarrow

_ROWS = 10_000
"""Of one batch."""
_ENDS = {
    "-infinity": datetime.min.replace(tzinfo=UTC),
    "infinity": datetime.max.replace(tzinfo=UTC),
}
_DIGITS = (38, 76)
"""What a decimal128 and a decimal256 hold."""
_PLAIN: Mapping[str, Callable[[Any], Any]] = {
    "bool": lambda pa: pa.bool_(),
    "int2": lambda pa: pa.int16(),
    "int4": lambda pa: pa.int32(),
    "int8": lambda pa: pa.int64(),
    "float4": lambda pa: pa.float32(),
    "float8": lambda pa: pa.float64(),
    "text[]": lambda pa: pa.list_(pa.string()),
}
"""Types of PostgreSQL whose values Python and Parquet have as well."""


def to_csv(connection: Connection[TupleRow], query: str, file: BinaryIO) -> None:
    """The rows as PostgreSQL writes CSV, with a header: NULL is empty, an empty text is `""`."""
    copy = f"COPY ({query}\n) TO STDOUT (FORMAT csv, HEADER)".encode()
    with connection.cursor() as cursor, cursor.copy(copy) as rows:
        for block in rows:
            file.write(block)


def to_parquet(connection: Connection[TupleRow], query: str, path: Path) -> list[str]:
    """The rows as Parquet; the numeric columns that are text there, as no decimal holds them.

    Numbers are decimals as wide as the rows need, JSON, ranges and all else are text as PostgreSQL
    writes it. Times have microseconds and UTC; -infinity is the year 1, infinity the year 9999.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    with _one_moment(connection):
        columns = _columns(connection, query)
        types = dict(
            zip((c.name for c in columns), _types(connection, query, columns), strict=True)
        )
        schema = pa.schema([pa.field(name, type_) for name, type_ in types.items()])
        with connection.cursor("export") as cursor, pq.ParquetWriter(path, schema) as writer:
            for column in columns:
                if _as_text(column):
                    cursor.adapters.register_loader(column.type_code, TextLoader)
            cursor.execute(query.encode())
            while rows := cursor.fetchmany(_ROWS):
                arrays = [
                    pa.array([_cell(cell, type_) for cell in cells], type_)
                    for cells, type_ in zip(zip(*rows, strict=True), types.values(), strict=True)
                ]
                writer.write_batch(pa.record_batch(arrays, schema=schema))
    return [c.name for c in columns if c.type_display == "numeric" and types[c.name] == pa.string()]


@contextmanager
def _one_moment(connection: Connection[TupleRow]) -> Iterator[None]:
    """What the columns were measured by is what is written."""
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        yield


def _columns(connection: Connection[TupleRow], query: str) -> Sequence[Column]:
    none = connection.execute(f"SELECT * FROM ({query}\n) AS rows LIMIT 0".encode())
    return none.description or ()


def _types(
    connection: Connection[TupleRow], query: str, columns: Sequence[Column]
) -> list["pyarrow.DataType"]:
    import pyarrow as pa

    times = {"timestamptz": pa.timestamp("us", tz="UTC")}
    plain = {name: make(pa) for name, make in _PLAIN.items()} | times
    decimals = iter(_decimals(connection, query, [c for c in columns if _numeric(c)]))
    return [
        next(decimals) if _numeric(c) else plain.get(c.type_display, pa.string()) for c in columns
    ]


def _numeric(column: Column) -> bool:
    return column.type_display == "numeric"


def _decimals(
    connection: Connection[TupleRow], query: str, columns: Sequence[Column]
) -> Iterator["pyarrow.DataType"]:
    """The narrowest decimals that hold every value; text where none does."""
    import pyarrow as pa

    if not columns:
        return
    measures = sql.SQL(", ").join(
        sql.SQL(
            "coalesce(max(length(trunc(abs({0}))::text)) FILTER (WHERE {1}), 1),"
            " coalesce(max(scale({0})) FILTER (WHERE {1}), 0), coalesce(bool_and({1}), true)"
        ).format(
            sql.Identifier(column.name),
            sql.SQL("{} NOT IN ('NaN', 'Infinity', '-Infinity')").format(
                sql.Identifier(column.name)
            ),
        )
        for column in columns
    )
    statement = sql.SQL("SELECT {} FROM (").format(measures).as_bytes(connection)
    row = connection.execute(statement + f"{query}\n) AS rows".encode()).fetchone() or ()
    for whole, scale, finite in zip(row[::3], row[1::3], row[2::3], strict=True):
        if finite and whole + scale <= _DIGITS[0]:
            yield pa.decimal128(whole + scale, scale)
        elif finite and whole + scale <= _DIGITS[1]:
            yield pa.decimal256(whole + scale, scale)
        else:
            yield pa.string()


def _as_text(column: Column) -> bool:
    """Whether the rows are asked for as PostgreSQL writes them: Python has no year -infinity."""
    return column.type_display not in _PLAIN and not _numeric(column)


def _cell(value: Any, type_: "pyarrow.DataType") -> Any:
    import pyarrow as pa

    if isinstance(value, str) and pa.types.is_timestamp(type_):
        return _ENDS.get(value) or datetime.fromisoformat(value)
    if isinstance(value, Decimal) and type_ == pa.string():
        return f"{value:f}"
    return value
