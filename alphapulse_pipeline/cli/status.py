"""`alphapulse status`: how every dataset of every account stands."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from psycopg.rows import dict_row
from rich.text import Text

from alphapulse_pipeline.cli import output
from alphapulse_pipeline.cli.workspace import workspace
from alphapulse_pipeline.portfolio.summary import summary
from alphapulse_pipeline.warehouse import deployed
from alphapulse_pipeline.warehouse.connection import connect
from alphapulse_pipeline.warehouse.schema import require_current

_GRACE = timedelta(minutes=2)
"""By then a run that was due has said when the next one is."""


def register(app: typer.Typer) -> None:
    app.command(
        help="How every dataset stands, and what all is worth.\n\nExample: alphapulse status --json"
    )(status)


def status(
    demo: Annotated[bool, typer.Option("--demo", help="Of the demo's database.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The rows of sync_status.")] = False,
) -> int:
    with (
        workspace(demo=demo, migrate=False, simulate=False) as place,
        connect(place.url) as connection,
    ):
        require_current(connection)
        deployed.retire(connection, [account.name for account in place.accounts])
        rows = (
            connection.cursor(row_factory=dict_row)
            .execute("SELECT * FROM alphapulse.sync_status")
            .fetchall()
        )
        told = summary(connection)
    if as_json:
        output.print_json(rows)
        return 0
    if not rows:
        output.note("nothing was synced yet: run `alphapulse up` or `alphapulse sync`")
        return 0
    shown = (
        "account", "dataset", "status", "last_success", "next_tick", "rows", "coverage", "gaps",
        "unreachable", "stale", "circuit",
    )  # fmt: skip
    output.print_table(
        [name.replace("_", " ") for name in shown],
        [[_shown(name, row[name]) for name in shown] for row in rows],
    )
    known = {row["account"] for row in rows}
    for name in [account.name for account in place.accounts if account.name not in known]:
        output.note(
            f"{name}: never synced: run `alphapulse sync {name}`, or start `alphapulse up` again"
        )
    # what befell several datasets of an account is said once
    failures: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        if row["error"]:
            failures.setdefault((row["account"], row["error"]), []).append(row["dataset"])
    for (account, error), datasets in failures.items():
        output.note(f"{account}: {', '.join(datasets)}: {error}")
    for line in told:
        output.stdout.print(Text(line))
    return 0


def _shown(name: str, value: object) -> object:
    if name == "coverage" and value is not None:
        return f"{float(str(value)) * 100:.2f} %"
    if name == "next_tick" and isinstance(value, datetime) and value < datetime.now(UTC) - _GRACE:
        return "overdue"
    return value
