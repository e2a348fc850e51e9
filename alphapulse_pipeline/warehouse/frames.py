"""The rows of a query as a pandas DataFrame: exact numbers, times in UTC.

| PostgreSQL | pandas |
| --- | --- |
| numeric | objects: `Decimal`, or `None` for NULL; never a float |
| timestamptz | `datetime64[us, UTC]`; -infinity is year 1, infinity the end of year 9999 |
| text | `string` |
| boolean, integers | `boolean`, `Int64` |
| others | objects: `dict` for jsonb, `list` for arrays |
"""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from psycopg import Connection, sql
from psycopg.abc import Buffer
from psycopg.postgres import types
from psycopg.rows import TupleRow
from psycopg.types.datetime import TimestamptzLoader

if TYPE_CHECKING:
    import pandas

_DTYPES = {
    types[name].oid: dtype
    for name, dtype in {
        "text": "string",
        "varchar": "string",
        "bool": "boolean",
        "int2": "Int64",
        "int4": "Int64",
        "int8": "Int64",
        "timestamptz": "datetime64[us, UTC]",
    }.items()
}
INFINITE = {
    "-infinity": datetime.min.replace(tzinfo=UTC),
    "infinity": datetime.max.replace(tzinfo=UTC),
}
"""Python has no infinite times."""


class _TimeLoader(TimestamptzLoader):
    def load(self, data: Buffer) -> datetime:
        return INFINITE.get(bytes(data).decode()) or super().load(data)


def frame(
    connection: Connection[TupleRow], query: sql.Composed, parameters: dict[str, Any]
) -> "pandas.DataFrame":
    """The query's rows, with the types that the module names. Empty columns have them, too."""
    import pandas

    with connection.cursor() as cursor:
        cursor.adapters.register_loader("timestamptz", _TimeLoader)
        cursor.execute(query, parameters)
        described = cursor.description or ()
        rows = cursor.fetchall()
    columns = zip(*rows, strict=True) if rows else [()] * len(described)
    return pandas.DataFrame(
        {
            column.name: pandas.Series(list(values), dtype=_DTYPES.get(column.type_code, "object"))
            for column, values in zip(described, columns, strict=True)
        }
    )
