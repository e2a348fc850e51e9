"""`alphapulse sql`: one query, run as the read-only role."""

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
from alphapulse_pipeline.settings.printable import escape
from alphapulse_pipeline.warehouse.export import are_texts
from alphapulse_pipeline.warehouse.formula_cells import protect
from alphapulse_pipeline.warehouse.schema import connect_as_reader


def register(app: typer.Typer, summary: str) -> None:
    app.command(help=f'{summary}\n\nExample: alphapulse sql "select * from balances_latest" --csv')(
        sql
    )


def sql(
    query: Annotated[str, typer.Argument(metavar="QUERY", help="One SQL query, e.g. a SELECT.")],
    demo: Annotated[bool, typer.Option("--demo", help="Use the demo's database.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON array of objects.")] = False,
) -> int:
    if as_csv and as_json:
        raise SettingsError("--csv and --json exclude each other", "use one of them")
    with (
        workspace(demo=demo, migrate=False, simulate=False) as place,
        connect_as_reader(place.url) as connection,
    ):
        try:
            connection.adapters.register_loader("timestamptz", _TimeLoader)
            # one statement only: the extended protocol refuses several
            cursor = connection.execute(_bytes(query), prepare=True)
            if cursor.description is None:
                raise SettingsError("the query returns no result", "use a SELECT")
            names = [column.name for column in cursor.description]
            rows = cursor.fetchall()
            texts = are_texts(connection, cursor.description) if as_csv else []
        except psycopg.Error as error:
            # it quotes the statement
            output.error("\n".join(map(escape, str(error).strip().split("\n"))))
            connection.close()  # a COPY may be in progress
            return 1
    if as_json:
        output.print_json([dict(zip(names, row, strict=True)) for row in rows])
    elif as_csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(names)
        writer.writerows(
            [_csv_cell(*cell) for cell in zip(row, texts, strict=True)] for row in rows
        )
    else:
        output.print_table(names, rows)
    return 0


def _csv_cell(value: Any, is_text: bool) -> str | None:
    if value is None:
        return None
    if isinstance(value, str):
        return protect(value) if is_text else value
    return str(output.jsonable(value))


class _TimeLoader(TimestamptzLoader):
    """Keeps ±infinity as text: Python has no value for it."""

    def load(self, data: Buffer) -> Any:
        text = bytes(data).decode()
        return text if text.endswith("infinity") else super().load(data)


def _bytes(query: str) -> bytes:
    """Encoded, so that psycopg does not look for placeholders in it."""
    try:
        return query.encode()
    except UnicodeEncodeError:
        raise SettingsError("the query is not UTF-8 text", "check its encoding") from None
