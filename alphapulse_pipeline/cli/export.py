"""`alphapulse export`: a table or a query to CSV or Parquet, run as the read-only role."""

import os
import re
import sys
from pathlib import Path
from typing import Annotated

import psycopg
import typer
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.cli import output
from alphapulse_pipeline.cli.workspace import workspace
from alphapulse_pipeline.settings.errors import SettingsError
from alphapulse_pipeline.warehouse.export import DIGITS, EXACT, PLACES, to_csv, to_parquet
from alphapulse_pipeline.warehouse.schema import connect_as_reader

_TABLE = re.compile(r"\w+(\.\w+)?")
_STDOUT = Path("-")


def register(app: typer.Typer, summary: str) -> None:
    app.command(
        help=f"{summary}\n\n"
        "The file extension determines the format. Without --out, CSV goes to stdout.\n\n"
        "Example: alphapulse export portfolio.holdings --out holdings.parquet"
    )(export)


def export(
    what: Annotated[
        str,
        typer.Argument(
            metavar="TABLE|QUERY",
            help="A table, e.g. trades or portfolio.holdings, or one SELECT statement.",
        ),
    ],
    out: Annotated[
        Path, typer.Option(metavar="FILE", help="A .csv or .parquet file; - for CSV on stdout.")
    ] = _STDOUT,
    demo: Annotated[bool, typer.Option("--demo", help="Use the demo's database.")] = False,
) -> int:
    if out != _STDOUT and out.suffix not in (".csv", ".parquet"):
        raise SettingsError(f"--out {out}: unknown format", "use the extension .csv or .parquet")
    query = f"SELECT * FROM {what}" if _TABLE.fullmatch(what) else what.strip().rstrip(";")
    with (
        workspace(demo=demo, migrate=False, simulate=False) as place,
        connect_as_reader(place.url) as connection,
    ):
        try:
            if out == _STDOUT:
                return _print(connection, query)
            _write(connection, query, out)
        except psycopg.Error as error:
            output.error(str(error).strip())
            return 1
        except OSError as error:
            raise SettingsError(
                f"cannot write {out}: {error.strerror}", "name another file with --out"
            ) from None
    return 0


def _print(connection: Connection[TupleRow], query: str) -> int:
    try:
        to_csv(connection, query, sys.stdout.buffer)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader, e.g. head, has stopped reading
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        connection.close()
    return 0


def _write(connection: Connection[TupleRow], query: str, out: Path) -> None:
    """Write the whole file or nothing: an existing file is replaced when all rows are written."""
    part = out.with_name(f"{out.name}.part")
    try:
        if out.suffix == ".csv":
            with part.open("wb") as file:
                to_csv(connection, query, file)
        elif misfits := to_parquet(connection, query, part):
            found = ", ".join(f"{name} ({number:,})" for name, number in misfits.items())
            output.note(
                f"numbers with more than {PLACES} decimal places or {DIGITS - PLACES} digits before"
                f" them are rounded or NULL, and exact in the column {EXACT}: {found}"
            )
        exists = out.exists()
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)
    output.note(f"{'overwrote' if exists else 'wrote'} {out} ({out.stat().st_size:,} bytes)")
