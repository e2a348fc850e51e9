"""`alphapulse restore`: the database as a backup has it."""

from pathlib import Path
from typing import Annotated

import typer

from alphapulse_pipeline.cli import output
from alphapulse_pipeline.cli.workspace import workspace
from alphapulse_pipeline.warehouse.backup import restore as restore_database


def register(app: typer.Typer, summary: str) -> None:
    app.command(
        help=f"{summary}\n\n"
        "Stop `alphapulse up` first. An existing database is kept under a different name. The next "
        "sync closes the gap between the backup and now.\n\n"
        "Example: alphapulse restore november.dump"
    )(restore)


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file that `backup` wrote.")],
    demo: Annotated[bool, typer.Option("--demo", help="Restore the demo's database.")] = False,
) -> int:
    with workspace(demo=demo, migrate=False, simulate=False) as place:
        kept = restore_database(place.url, file, embedded=place.embedded)
    output.note(f"restored {file}")
    if kept:
        output.note(
            f"the database that was there is kept as {kept}; to remove it: "
            f'uv run alphapulse psql --owner -c "DROP DATABASE {kept}"'
        )
    return 0
