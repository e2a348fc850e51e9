"""The command's entry: its subcommands, its exit codes, and errors as one line.

Exit codes: 0 all good; 1 something failed, the rest was done; 2 wrong usage or settings; 130 on
Ctrl-C.
"""

import os
import signal
import sys
import traceback
from typing import Any, NoReturn

import typer

from alphapulse_pipeline.cli import output
from alphapulse_pipeline.settings.environment import dotenv_is_open, read_dotenv
from alphapulse_pipeline.settings.errors import SettingsError
from alphapulse_pipeline.settings.redaction import redact
from alphapulse_pipeline.warehouse.embedded import EmbeddedServerError

_INTERRUPTED = 130

app = typer.Typer(
    name="alphapulse",
    help="Crypto exchange accounts in PostgreSQL, with lineage and proof in Dagster.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main() -> NoReturn:
    """Run the command and exit."""
    from alphapulse_pipeline.cli import (
        circuit,
        doctor,
        export,
        import_,
        report,
        simulator,
        sql,
        status,
        sync,
        up,
    )

    for module in (up, sync, status, report, doctor, circuit, sql, export, import_, simulator):
        module.register(app)
    os.umask(0o077)  # logs and settings below the home are nobody else's
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        read_dotenv()
        if dotenv_is_open():
            output.warn("other users of this machine may read .env: chmod 600 .env")
        code: Any = app(standalone_mode=False)
        if code == _INTERRUPTED:
            output.note("stopped")  # typer has made a code of the interrupt
    except (SettingsError, EmbeddedServerError) as error:
        output.error(redact(str(error)))
        sys.exit(2)
    except (typer.Abort, KeyboardInterrupt):
        output.note("stopped")
        sys.exit(_INTERRUPTED)
    except typer.Exit as stop:
        sys.exit(stop.exit_code)
    except Exception as error:  # noqa: BLE001  it is told, and the command ends with it
        if hasattr(error, "format_message"):
            output.error(redact(error.format_message()))  # a wrong option, told by typer
            sys.exit(2)
        output.note(redact("".join(traceback.format_exception(error))))  # a bug
        sys.exit(1)
    sys.exit(code if isinstance(code, int) else 0)


def _interrupt(*_: Any) -> NoReturn:
    raise KeyboardInterrupt
