"""Entry point of the `alphapulse` command: subcommands, exit codes, one-line errors.

Exit codes: 0 success; 1 part of the work failed, the rest was done; 2 wrong usage or settings;
130 on Ctrl-C.
"""

import os
import signal
import sys
import traceback
from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import version
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_group

from alphapulse_pipeline.cli import output
from alphapulse_pipeline.settings.environment import dotenv_is_open, read_dotenv
from alphapulse_pipeline.settings.errors import UserError
from alphapulse_pipeline.settings.redaction import redact

_INTERRUPTED = 130

COMMANDS: Mapping[str, tuple[str, str]] = {
    "up": ("up", "Start the database, Dagster and its web UI, and sync on a schedule."),
    "sync": ("sync", "Sync accounts now, then refresh the portfolio."),
    "status": (
        "status",
        "Show the status of every dataset, the total value, and whether balances reconcile.",
    ),
    "report": ("report", "Write a portfolio report: one HTML page that works offline."),
    "doctor": ("doctor", "Find out why an account is not working."),
    "account": ("account", "Add, discover, rename or remove accounts."),
    "circuit": (
        "circuit",
        "Resume scheduled syncs for an account that is being skipped after repeated failures.",
    ),
    "sql": ("sql", "Run one read-only SQL query."),
    "export": (
        "export",
        "Export a table or a query's result to CSV or Parquet, with exact decimals.",
    ),
    "psql": ("psql", "Open psql on the database."),
    "migrate": ("migrate", "Create the database's tables, or upgrade them to this version."),
    "backup": ("backup", "Back up the whole database to one file."),
    "restore": ("restore", "Restore the database from a backup."),
    "import": ("import_", "Import a CSV file of rows that the exchange's API no longer serves."),
    "simulator": ("simulator", "Run simulated exchanges on this machine."),
}
"""Subcommand -> its module here, and the first line of its help."""


def load(name: str) -> Any:
    """A subcommand with its options, from its module."""
    module, summary = COMMANDS[name]
    loaded = typer.Typer(rich_markup_mode="rich")
    import_module(f"{__package__}.{module}").register(loaded, summary)
    return get_group(loaded).commands[name]


class _Commands(TyperGroup):
    """Imports a subcommand's module when it is run: all of them take most of a second."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        for name, (_, summary) in COMMANDS.items():
            self.add_command(TyperCommand(name, help=summary))

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        name, _, rest = super().resolve_command(ctx, args)
        return name, load(name) if name else None, rest


app = typer.Typer(
    name="alphapulse",
    cls=_Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(asked: bool) -> None:
    if asked:
        output.line(f"alphapulse {version('alphapulse-pipeline')}")
        raise typer.Exit


@app.callback()
def alphapulse(
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Sync crypto exchange accounts to PostgreSQL using Dagster, and prove that the data is
    complete."""


def main() -> NoReturn:
    """Run the command and exit."""
    os.umask(0o077)  # logs and settings below the home are private
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        read_dotenv()
        if dotenv_is_open():
            output.warn("other users of this machine can read .env; run: chmod 600 .env")
        code: Any = app(standalone_mode=False)
        if code == _INTERRUPTED:
            output.note("stopped")  # typer turned the interrupt into an exit code
    except UserError as error:
        output.error(redact(str(error)))
        sys.exit(2)
    except (typer.Abort, KeyboardInterrupt):
        output.note("stopped")
        sys.exit(_INTERRUPTED)
    except typer.Exit as stop:
        sys.exit(stop.exit_code)
    except Exception as error:  # noqa: BLE001  it is shown, and the command ends
        if hasattr(error, "format_message"):  # typer's: a wrong option, or no subcommand
            if message := error.format_message():
                output.error(redact(message))
            sys.exit(2)
        output.note(redact("".join(traceback.format_exception(error))))  # a bug
        sys.exit(1)
    sys.exit(code if isinstance(code, int) else 0)


def _interrupt(*_: Any) -> NoReturn:
    raise KeyboardInterrupt
