"""`alphapulse doctor`: why an account does not work, and what mends it."""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from alphapulse_pipeline.cli import output
from alphapulse_pipeline.cli.workspace import (
    database,
    nobody_has_credentials,
    require_known,
    simulable,
    simulated,
)
from alphapulse_pipeline.health.doctor.account import examine_account
from alphapulse_pipeline.health.doctor.database import CHECKS, Server
from alphapulse_pipeline.health.doctor.result import Result, Status, broken, examine, result
from alphapulse_pipeline.settings import environment
from alphapulse_pipeline.settings.accounts import Account, read_account
from alphapulse_pipeline.settings.component_file import component_files
from alphapulse_pipeline.settings.environment import POSTGRES_URL
from alphapulse_pipeline.settings.errors import SettingsError
from alphapulse_pipeline.settings.portfolio import read_settings
from alphapulse_pipeline.warehouse.connection import connect
from alphapulse_pipeline.warehouse.embedded import EmbeddedServerError
from alphapulse_pipeline.warehouse.schema import Revision, migrate, revision

_HELP = """Find out why an account does not work: each check with its mend.

Every list of the exchange is asked once; nothing is written. Exit code 1 where something is broken.

Example: alphapulse doctor bybit
"""
_COLOURS = {
    Status.OK: "green",
    Status.WARNING: "bold yellow",
    Status.BROKEN: "bold red",
    Status.SKIPPED: "dim",
    Status.UNKNOWN: "dim",
}


def register(app: typer.Typer) -> None:
    app.command(help=_HELP)(doctor)


def doctor(
    accounts: Annotated[
        list[str] | None, typer.Argument(metavar="ACCOUNT", help="Default: all.")
    ] = None,
    demo: Annotated[bool, typer.Option("--demo", help="The demo, against the simulator.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The results as JSON.")] = False,
) -> int:
    names = accounts or []
    found: list[Result] = []
    for line in _examined(names, demo=demo):
        found.append(line)
        if not as_json:
            _print(line)
    ok = all(line.status is not Status.BROKEN for line in found)
    if as_json:
        output.print_json({"ok": ok, "results": [asdict(line) for line in found]})
    else:
        _sum_up(found)
    return 0 if ok else 1


def _examined(names: Sequence[str], *, demo: bool) -> Iterator[Result]:
    accounts, unread = _read(names)
    # an account that is asked about by name is not swapped for an invented one
    demo = demo or (not names and not unread and nobody_has_credentials(accounts))
    if demo:
        accounts = simulable(accounts)
    home = environment.home()
    with ExitStack() as stack:
        server = _server(stack, home, demo=demo)
        connection = server.connection
        tables = connection is not None and revision(connection) is Revision.CURRENT
        if demo:
            stack.enter_context(simulated(accounts))
        yield from unread
        for account in accounts:
            yield from examine_account(account, connection, tables=tables)
        yield from examine("", CHECKS, server)
        # Dagster: seconds that the lines before need not wait for
        from alphapulse_pipeline.cli.dagster_health import examine_dagster

        yield from examine_dagster(server, home, tables=tables, files_read=not unread)


def _read(names: Sequence[str]) -> tuple[list[Account], list[Result]]:
    """The accounts that were asked for, and what is wrong with the files of the others."""
    try:
        files = component_files()
    except SettingsError as error:
        return [], [result("", "settings", broken(str(error), "rename it, then ask again"))]
    require_known(names, [path.parent.name for path in files])
    accounts, unread = [], []
    for path in files:
        name = path.parent.name
        if names and name not in names:
            continue
        try:
            account = read_account(path)
            if not names:
                read_settings(path)
        except SettingsError as error:
            mend = "mend that line: README.md shows what the file looks like"
            unread.append(result(name, "settings", broken(str(error), mend)))
            continue
        accounts += [account] if account else []
    return accounts, unread


def _server(stack: ExitStack, home: Path, *, demo: bool) -> Server:
    """The database, or why there is none. Only the demo's tables are made here."""
    data = None if os.environ.get(POSTGRES_URL) else home / "postgres"
    try:
        url = stack.enter_context(database(home, demo=demo))
        if demo:
            migrate(url)
        return Server(url, stack.enter_context(connect(url)), "", data)
    except (SettingsError, EmbeddedServerError) as error:
        return Server("", None, str(error), data)


def _print(line: Result) -> None:
    output.stdout.print(
        Text.assemble(
            (f"{line.status:8}", _COLOURS[line.status]),
            f" {line.account or 'all':12} {line.check:13} {line.said}",
            (f" -> {line.mend}" if line.mend else "", "bold"),
        )
    )


def _sum_up(lines: Sequence[Result]) -> None:
    numbers = Counter(line.status for line in lines)
    told = [f"{numbers[status]} {status}" for status in Status if numbers[status]]
    output.note(", ".join(told))
