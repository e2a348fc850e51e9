"""`alphapulse report`: the portfolio on one HTML page."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.cli import output
from alphapulse_pipeline.cli.workspace import require_known, workspace
from alphapulse_pipeline.settings.errors import SettingsError
from alphapulse_pipeline.warehouse.schema import connect_as_reader

_FILE = Path("alphapulse-report.html")
_DAY = ["%Y-%m-%d"]


def register(app: typer.Typer, summary: str) -> None:
    app.command(
        help=f"{summary}\n\nExample: alphapulse report bybit --since 2026-01-01 --until 2026-03-31 "
        "--out q1.html"
    )(report)


def report(
    account: Annotated[
        str, typer.Argument(metavar="ACCOUNT", help="One account. Default: all accounts combined.")
    ] = "",
    since: Annotated[
        datetime | None,
        typer.Option(
            metavar="DATE",
            formats=_DAY,
            help="First day (UTC). Default: where the history starts.",
        ),
    ] = None,
    until: Annotated[
        datetime | None,
        typer.Option(metavar="DATE", formats=_DAY, help="Last day (UTC, inclusive). Default: now."),
    ] = None,
    out: Annotated[Path, typer.Option(metavar="FILE", help="File to write.")] = _FILE,
    demo: Annotated[bool, typer.Option("--demo", help="Use the demo's database.")] = False,
) -> int:
    from alphapulse_pipeline.portfolio.report.page import page
    from alphapulse_pipeline.portfolio.report.scope import Scope

    if since and until and until < since:
        raise SettingsError("--until is before --since", "exchange the two days")
    scope = Scope(account, since.date() if since else None, until.date() if until else None)
    with (
        workspace(demo=demo, migrate=False, simulate=False) as place,
        connect_as_reader(place.url) as connection,
    ):
        if account:
            require_known([account], _known(connection, [a.name for a in place.accounts]))
        text = page(connection, scope, demo=place.demo)
    exists = out.exists()
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise SettingsError(
            f"cannot write {out}: {error.strerror}", "name another file with --out"
        ) from None
    output.note(f"{'overwrote' if exists else 'wrote'} {out} ({len(text.encode()) // 1024} KB)")
    return 0


def _known(connection: Connection[TupleRow], deployed: Sequence[str]) -> list[str]:
    """The accounts that are deployed, and those that were."""
    stored = connection.execute("SELECT DISTINCT account FROM alphapulse.datasets").fetchall()
    return sorted({*deployed, *(name for (name,) in stored)})
