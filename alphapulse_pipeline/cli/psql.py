"""`alphapulse psql`: the bundled psql on the database."""

import signal
import subprocess
from typing import Annotated

import typer

from alphapulse_pipeline.cli.workspace import workspace
from alphapulse_pipeline.datasets import SCHEMA
from alphapulse_pipeline.warehouse.client_programs import command, environment, program
from alphapulse_pipeline.warehouse.schema import connect_as_reader, reader_url


def register(app: typer.Typer, summary: str) -> None:
    app.command(
        help=f"{summary}\n\n"
        "Connects as the read-only role. Everything after the options is passed to psql.\n\n"
        'Example: alphapulse psql -c "select count(*) from trades"',
        context_settings={"ignore_unknown_options": True},
    )(psql)


def psql(
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="ARGUMENT", help="Arguments to pass to psql.")
    ] = None,
    owner: Annotated[
        bool, typer.Option("--owner", help="Connect as the owner, who can change anything.")
    ] = False,
    demo: Annotated[bool, typer.Option("--demo", help="Use the demo's database.")] = False,
) -> int:
    with workspace(demo=demo, migrate=False, simulate=False) as place:
        url = place.url
        if not owner:
            connect_as_reader(url).close()  # says what to do if that is not possible
            url = reader_url(url)
        variables = {**environment(url), "PGOPTIONS": f"-c search_path={SCHEMA}"}
        before = signal.signal(signal.SIGINT, lambda *_: None)  # Ctrl-C is for psql
        try:
            return subprocess.run(
                command(program("psql", place.url), arguments or [], url),
                env=variables,
                check=False,
            ).returncode
        finally:
            signal.signal(signal.SIGINT, before)
