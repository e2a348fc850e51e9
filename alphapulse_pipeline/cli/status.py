"""`alphapulse status`: the status of every dataset, the total value, and reconciliation."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from psycopg import Connection
from psycopg.rows import TupleRow, dict_row

from alphapulse_pipeline.cli import output
from alphapulse_pipeline.cli.workspace import Workspace, record, workspace
from alphapulse_pipeline.health.ticks import TOLERANCE, any_not_running
from alphapulse_pipeline.portfolio.summary import summary
from alphapulse_pipeline.warehouse import books
from alphapulse_pipeline.warehouse.connection import connect
from alphapulse_pipeline.warehouse.rejected import FIX, summaries
from alphapulse_pipeline.warehouse.schema import require_current
from alphapulse_pipeline.warehouse.skipped import not_enabled

_COLUMNS = (
    "account",
    "dataset",
    "status",
    "last_success",
    "next_tick",
    "rows",
    "coverage",
    "gaps",
    "unreachable",
    "stale",
    "circuit",
)
_GRACE = timedelta(minutes=2)
"""Time that a due run has to start and record its next tick."""


def register(app: typer.Typer, summary: str) -> None:
    app.command(help=f"{summary}\n\nExample: alphapulse status bybit --json")(status)


def status(
    accounts: Annotated[
        list[str] | None, typer.Argument(metavar="ACCOUNT", help="Account names. Default: all.")
    ] = None,
    demo: Annotated[bool, typer.Option("--demo", help="Use the demo's database.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the rows of sync_status as JSON.")
    ] = False,
) -> int:
    with (
        workspace(demo=demo, migrate=False, simulate=False) as place,
        connect(place.url) as connection,
    ):
        require_current(connection)
        record(connection, place.accounts, place.broken)
        names = [account.name for account in place.chosen(accounts or [])]
        rows = (
            connection.cursor(row_factory=dict_row)
            .execute(
                "SELECT * FROM alphapulse.sync_status WHERE %s OR account = ANY(%s)",
                [not accounts, names],
            )
            .fetchall()
        )
        missing = not_enabled(connection, names)
        unread = books.missing(connection, names)
        rejected = summaries(connection, names)
        totals = [] if accounts else summary(connection)
        data = _where(connection, place)
        warnings = [] if as_json else _not_running(connection)
    if as_json:
        output.print_json(rows)
        return 0
    if not rows:
        output.note("nothing has been synced yet; run `alphapulse up` or `alphapulse sync`")
        return 0
    output.print_table(
        [name.replace("_", " ") for name in _COLUMNS],
        [[_shown(name, row[name]) for name in _COLUMNS] for row in rows],
    )
    known = {row["account"] for row in rows}
    for name in [name for name in names if name not in known]:
        output.note(
            f"{name}: never synced; run `alphapulse sync {name}`, or restart `alphapulse up`"
        )
    # an error that several datasets of an account share is printed once
    failures: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        if row["error"] and row["account"] not in place.broken:
            failures.setdefault((row["account"], row["error"]), []).append(row["dataset"])
    for (account, error), datasets in failures.items():
        output.note(f"{account}: {', '.join(datasets)}: {error}")
    for account, parts, reason in missing:
        output.note(f"{account}: not enabled: {parts} ({reason})")
    for book in unread:
        output.note(f"{book.account}: {book}")
    for (account, dataset), text in rejected.items():
        output.note(f"{account}: {dataset}: {text} -> {FIX}")
    for line in totals:
        output.line(line)
    output.note(data)
    for text in warnings:
        output.warn(text)
    return 0


def _where(connection: Connection[TupleRow], place: Workspace) -> str:
    """Where the data lie, and how large they are."""
    info = connection.info
    found = connection.execute(
        "SELECT pg_size_pretty(pg_database_size(current_database()))"
    ).fetchone()
    where = place.home / "postgres" if place.embedded else f"{info.host}:{info.port}"
    return f"database {info.dbname} ({found[0] if found else ''}) in {where}"


def _not_running(connection: Connection[TupleRow]) -> list[str]:
    """Schedules and sensors that should run and do not, and what to do."""
    if not any_not_running(connection, datetime.now(UTC) + TOLERANCE):
        return []
    # imports Dagster, which takes seconds
    import dagster as dg

    from alphapulse_pipeline.cli.automation import not_running

    with dg.DagsterInstance.get() as instance:
        return list(not_running(instance))


def _shown(name: str, value: object) -> object:
    if name == "coverage" and value is not None:
        return f"{float(str(value)) * 100:.2f} %"
    if name == "next_tick" and isinstance(value, datetime) and value < datetime.now(UTC) - _GRACE:
        return "overdue"
    return value
