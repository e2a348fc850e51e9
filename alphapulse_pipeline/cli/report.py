"""`alphapulse report`: the portfolio on one HTML page."""

from pathlib import Path
from typing import Annotated

import typer

from alphapulse_pipeline.cli import output
from alphapulse_pipeline.cli.workspace import workspace
from alphapulse_pipeline.settings.errors import SettingsError
from alphapulse_pipeline.warehouse.schema import connect_as_reader

_FILE = Path("alphapulse-report.html")


def register(app: typer.Typer, summary: str) -> None:
    app.command(help=f"{summary}\n\nExample: alphapulse report --out november.html")(report)


def report(
    out: Annotated[Path, typer.Option(metavar="FILE", help="File to write.")] = _FILE,
    demo: Annotated[bool, typer.Option("--demo", help="Use the demo's database.")] = False,
) -> int:
    from alphapulse_pipeline.portfolio.report.page import page

    with (
        workspace(demo=demo, migrate=False, simulate=False) as place,
        connect_as_reader(place.url) as connection,
    ):
        text = page(connection)
    exists = out.exists()
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise SettingsError(
            f"cannot write {out}: {error.strerror}", "name another file with --out"
        ) from None
    output.note(f"{'overwrote' if exists else 'wrote'} {out} ({len(text.encode()) // 1024} KB)")
    return 0
