"""`alphapulse migrate`: the database's schema becomes that of this version."""

from dataclasses import asdict
from typing import Annotated

import typer
from psycopg.conninfo import conninfo_to_dict

from alphapulse_pipeline.cli import output
from alphapulse_pipeline.cli.workspace import database
from alphapulse_pipeline.settings import environment
from alphapulse_pipeline.warehouse import schema
from alphapulse_pipeline.warehouse.migrated import Migrated


def register(app: typer.Typer, summary: str) -> None:
    app.command(
        help=f"{summary}\n\n"
        "Prints the migrations that were applied, the new tables, and the views and functions that "
        "are new or different. All changes are made in one transaction. `up` and `sync` "
        "run migrations automatically when they start.\n\n"
        "Example: alphapulse migrate"
    )(migrate)


def migrate(
    demo: Annotated[bool, typer.Option("--demo", help="Migrate the demo's database.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    with database(environment.home(), demo=demo) as url:
        name = str(conninfo_to_dict(url).get("dbname"))
        done = schema.migrate(url)
    if as_json:
        output.print_json({"database": name, **asdict(done)})
    else:
        output.line(_summary(name, done))
        if done.before is not None:
            _print(done)
    return 0


def _summary(name: str, done: Migrated) -> str:
    counts = {
        "migration": len(done.migrations),
        "new table": len(done.tables),
        "new or different view or function": len(done.views),
    }
    parts = [f"{count} {what}{'s' * (count > 1)}" for what, count in counts.items() if count]
    did = ", ".join(parts).replace("view or functions", "views and functions")
    if not did:
        return f"database {name}: already at schema {done.after}, nothing to do"
    steps = "created schema" if done.before is None else f"schema {done.before} ->"
    return f"database {name}: {steps} {done.after} ({did})"


def _print(done: Migrated) -> None:
    for what, names in (
        ("migration", done.migrations),
        ("table", done.tables),
        ("view or function", done.views),
    ):
        for name in names:
            output.line(f"  {what} {name}")
