"""`alphapulse backup`: the whole database in one file."""

from pathlib import Path
from typing import Annotated

import typer

from alphapulse_pipeline.cli import output
from alphapulse_pipeline.cli.workspace import workspace
from alphapulse_pipeline.warehouse.backup import back_up


def register(app: typer.Typer, summary: str) -> None:
    app.command(
        help=f"{summary}\n\n"
        "Syncs can continue while the backup runs. The file is in pg_dump's custom format. It "
        "contains neither `.env` nor the accounts' files.\n\n"
        "Example: alphapulse backup november.dump"
    )(backup)


def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="File to write.")],
    demo: Annotated[bool, typer.Option("--demo", help="Back up the demo's database.")] = False,
) -> int:
    with workspace(demo=demo, migrate=False, simulate=False) as place:
        exists = file.exists()
        back_up(place.url, file)
    output.note(f"{'overwrote' if exists else 'wrote'} {file} ({file.stat().st_size:,} bytes)")
    return 0
