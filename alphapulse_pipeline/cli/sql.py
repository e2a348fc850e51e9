"""`alphapulse sql`: one query as the read-only role."""

import csv
import sys
from typing import Annotated, Any

import psycopg
import typer
from psycopg.abc import Buffer
from psycopg.types.datetime import TimestamptzLoader

from alphapulse_pipeline.cli import output
from alphapulse_pipeline.cli.workspace import workspace
from alphapulse_pipeline.settings.errors import SettingsError
from alphapulse_pipeline.warehouse.schema import connect_as_reader


def register(app: typer.Typer) -> None:
    app.command(
        help='Ask the data.\n\nExample: alphapulse sql "select * from balances_latest" --csv'
    )(sql)


def sql(
    query: Annotated[str, typer.Argument(help="One SQL query.")],
    demo: Annotated[bool, typer.Option("--demo", help="Of the demo's database.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="As CSV.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="As a list of objects.")] = False,
) -> int:
    if as_csv and as_json:
        raise SettingsError("give one of --csv and --json")
    with (
        workspace(demo=demo, migrate=False, simulate=False) as place,
        connect_as_reader(place.url) as connection,
    ):
        try:
            connection.adapters.register_loader("timestamptz", _TimeLoader)
            # one statement only: the extended protocol refuses several
            cursor = connection.execute(_bytes(query), prepare=True)
            if cursor.description is None:
                raise SettingsError("the query returns no rows: give a SELECT")
            names = [column.name for column in cursor.description]
            rows = cursor.fetchall()
        except psycopg.Error as error:
            output.error(str(error).strip())
            connection.close()  # a COPY has begun, and nobody will end it
            return 1
    if as_json:
        output.print_json([dict(zip(names, row, strict=True)) for row in rows])
    elif as_csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(names)
        writer.writerows(
            [
                None if v is None else output.jsonable(v) if not isinstance(v, str) else v
                for v in row
            ]
            for row in rows
        )
    else:
        output.print_table(names, rows)
    return 0


class _TimeLoader(TimestamptzLoader):
    """Times, and their ends, for which Python has no value."""

    def load(self, data: Buffer) -> Any:
        text = bytes(data).decode()
        return text if text.endswith("infinity") else super().load(data)


def _bytes(query: str) -> bytes:
    """As bytes psycopg takes nothing in it for a placeholder."""
    try:
        return query.encode()
    except UnicodeEncodeError:
        raise SettingsError("the query is no UTF-8 text") from None
