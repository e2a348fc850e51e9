"""Output: data to stdout, progress and logs to stderr."""

import json
import os
import sys
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any

from alphapulse_pipeline.settings.printable import escape

if TYPE_CHECKING:
    from rich.console import Console

# rich is imported on first use: --json, --csv and export do not need it


@cache
def stdout() -> "Console":
    from rich.console import Console

    return Console(soft_wrap=True, highlight=False)


@cache
def stderr() -> "Console":
    from rich.console import Console

    # a terminal would break its lines within words; a log keeps each message on one line
    return Console(stderr=True, soft_wrap=not sys.stderr.isatty(), highlight=False)


def runnable(text: str) -> str:
    """Commands in a message as they must be typed: uv names itself to the programs it runs."""
    return text.replace("`alphapulse ", "`uv run alphapulse ") if "UV" in os.environ else text


def error(text: str) -> None:
    _labeled("error: ", "bold red", text)


def warn(text: str) -> None:
    _labeled("warning: ", "bold yellow", text)


def note(text: str) -> None:
    from rich.text import Text

    stderr().print(Text(runnable(text)))


def line(text: str) -> None:
    """One line of data."""
    from rich.text import Text

    stdout().print(Text(text))


def _labeled(label: str, style: str, text: str) -> None:
    from rich.text import Text

    stderr().print(Text.assemble((label, style), runnable(text)))


def print_json(value: Any) -> None:
    """`value` on stdout: exact numbers as strings, times as ISO 8601."""
    print(json.dumps(value, default=jsonable, indent=2), flush=True)  # noqa: T201


def print_table(
    names: Sequence[str], rows: Iterable[Sequence[Any]], *, counts: Collection[str] = ()
) -> None:
    """An aligned table on stdout: numbers to the right, nothing truncated when piped.

    `counts`: the columns whose numbers get thousands separators in a terminal.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="bold", pad_edge=False)
    rows = [list(row) for row in rows]
    for index, name in enumerate(names):
        numeric = any(isinstance(row[index], int | Decimal) for row in rows)
        header = Text(escape(name))
        table.add_column(header, justify="right" if numeric else "left", no_wrap=True)
    grouped = [stdout().is_terminal and name in counts for name in names]
    for row in rows:
        values = (
            f"{value:,}" if group else cell(value)
            for group, value in zip(grouped, row, strict=True)
        )
        table.add_row(*map(Text, values))
    width = stdout().width if stdout().is_terminal else 10_000
    Console(width=max(width, stdout().width), highlight=False).print(table)


def cell(value: Any) -> str:
    """A value for the terminal."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    if isinstance(value, Decimal):
        return f"{value:f}"
    return escape(str(value))


def jsonable(value: Any) -> Any:
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value)
