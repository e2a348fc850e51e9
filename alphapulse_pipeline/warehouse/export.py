"""Streams the rows of a query to a file, without loss: CSV or Parquet."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from psycopg import Column, Connection, sql
from psycopg.rows import TupleRow
from psycopg.types.string import TextLoader

from alphapulse_pipeline.warehouse.formula_cells import protected

if TYPE_CHECKING:
    import pyarrow

_BATCH_ROWS = 10_000
_INFINITIES = {
    "-infinity": datetime.min.replace(tzinfo=UTC),
    "infinity": datetime.max.replace(tzinfo=UTC),
}
_DECIMAL_DIGITS = (38, 76)
"""The precision of decimal128 and decimal256."""
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


def to_parquet(connection: Connection[TupleRow], query: str, path: Path) -> list[str]:
    """Write the rows as Parquet. Returns the numeric columns that had to be written as text.

    Numbers are decimals as wide as the rows need, or text if no decimal holds them. Times are in
    UTC and microseconds; -infinity is year 1, infinity year 9999. Other types are PostgreSQL's
    text.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    with _consistent_reads(connection):
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
            while rows := cursor.fetchmany(_BATCH_ROWS):
                arrays = [
                    pa.array([_cell(cell, type_) for cell in cells], type_)
                    for cells, type_ in zip(zip(*rows, strict=True), types.values(), strict=True)
                ]
                writer.write_batch(pa.record_batch(arrays, schema=schema))
    return [c.name for c in columns if c.type_display == "numeric" and types[c.name] == pa.string()]


@contextmanager
def _consistent_reads(connection: Connection[TupleRow]) -> Iterator[None]:
    """Let the query that measures the columns and the one that exports them see the same rows."""
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
    plain = {name: make(pa) for name, make in _NATIVE_TYPES.items()} | times
    decimals = iter(_decimals(connection, query, [c for c in columns if _numeric(c)]))
    return [
        next(decimals) if _numeric(c) else plain.get(c.type_display, pa.string()) for c in columns
    ]


def _numeric(column: Column) -> bool:
    return column.type_display == "numeric"


def _decimals(
    connection: Connection[TupleRow], query: str, columns: Sequence[Column]
) -> Iterator["pyarrow.DataType"]:
    """The narrowest decimal type for each column, or text if no decimal holds all values."""
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
        if finite and whole + scale <= _DECIMAL_DIGITS[0]:
            yield pa.decimal128(whole + scale, scale)
        elif finite and whole + scale <= _DECIMAL_DIGITS[1]:
            yield pa.decimal256(whole + scale, scale)
        else:
            yield pa.string()


def _as_text(column: Column) -> bool:
    """Whether values are fetched as text: Python's datetime, for one, has no -infinity."""
    return column.type_display not in _NATIVE_TYPES and not _numeric(column)


def _cell(value: Any, type_: "pyarrow.DataType") -> Any:
    import pyarrow as pa

    if isinstance(value, str) and pa.types.is_timestamp(type_):
        return _INFINITIES.get(value) or datetime.fromisoformat(value)
    if isinstance(value, Decimal) and type_ == pa.string():
        return f"{value:f}"
    return value
