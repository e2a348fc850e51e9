"""`alphapulse import`: an exchange's CSV export, for times that its API no longer serves."""

from dataclasses import asdict
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import typer

from alphapulse_pipeline.cli import output
from alphapulse_pipeline.cli.workspace import workspace
from alphapulse_pipeline.datasets import HISTORIES
from alphapulse_pipeline.settings.errors import SettingsError
from alphapulse_pipeline.warehouse.batches import TimeRange
from alphapulse_pipeline.warehouse.connection import account_lock, connect
from alphapulse_pipeline.warehouse.imports.cells import BadValue, time
from alphapulse_pipeline.warehouse.imports.presets import PRESETS
from alphapulse_pipeline.warehouse.imports.store import Imported, import_file

_DETAILS = (
    "Without --preset, the file must have the table's columns; "
    '`alphapulse sql "select * from trades limit 0" --csv` prints them. With --preset, it must be '
    "an export from the exchange itself. Importing the same file again changes nothing, and rows "
    "from the exchange's API are never overwritten.\n\n"
    "Example: alphapulse import bybit trades 2019.csv --since 2019-01-01 --until 2019-12-31"
)


def _datasets_of_presets() -> dict[str, list[str]]:
    return {name: [d for n, d in PRESETS if n == name] for name, _ in PRESETS}


def register(app: typer.Typer, summary: str) -> None:
    app.command("import", help=f"{summary}\n\n{_DETAILS}")(import_csv)


def import_csv(
    account: Annotated[
        str,
        typer.Argument(metavar="ACCOUNT", help="The account: the name of its folder under defs/."),
    ],
    dataset: Annotated[
        str, typer.Argument(metavar="DATASET", help=f"One of {', '.join(HISTORIES)}.")
    ],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The CSV file.")],
    since: Annotated[
        str | None,
        typer.Option(
            help="Start of the period for which the file is complete (UTC): a day or a timestamp. "
            "The period is then marked as covered and is no longer a gap."
        ),
    ] = None,
    until: Annotated[
        str | None, typer.Option(help="End of that period (UTC): its last day, or a timestamp.")
    ] = None,
    stream: Annotated[
        list[str] | None,
        typer.Option(
            "--stream",
            help="Mark only this stream as covered: one of the separately tracked parts of a "
            "dataset, as named in coverage_gaps. May be repeated.",
        ),
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(
            help="Read the file as an exchange's own export: "
            + "; ".join(
                f"{name} ({' or '.join(of)})" for name, of in _datasets_of_presets().items()
            )
            + "."
        ),
    ] = None,
    demo: Annotated[bool, typer.Option("--demo", help="Use the demo's database.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> int:
    if dataset not in HISTORIES:
        raise SettingsError(f"no history {dataset}", f"use one of {', '.join(HISTORIES)}")
    if preset is not None and (preset, dataset) not in PRESETS:
        known = [name for name, of in PRESETS if of == dataset]
        raise SettingsError(
            f"no preset {preset} for {dataset}",
            f"use one of {', '.join(known)}" if known else "rename the columns to the table's",
        )
    asserted = _range(since, until)
    if stream and asserted is None:
        raise SettingsError("--stream needs --since and --until", "give them as well")
    with workspace(demo=demo, migrate=True, simulate=False) as place:
        (chosen,) = place.chosen([account])
        with connect(place.url) as connection, account_lock(connection, chosen.name):
            found = import_file(
                connection, chosen.name, HISTORIES[dataset], file, preset, asserted, stream or ()
            )
    if as_json:
        output.print_json({"account": account, "dataset": dataset, **_json(found)})
    else:
        _print(account, dataset, found, asserted)
    return 0


def _range(since: str | None, until: str | None) -> TimeRange | None:
    if since is None and until is None:
        return None
    if since is None or until is None:
        raise SettingsError(
            "--since and --until need each other", "give both: the file is complete between them"
        )
    start, end = _moment(since, "--since"), _moment(until, "--until")
    if len(until) == len("2026-01-31"):
        end += timedelta(days=1)
    if end <= start:
        raise SettingsError("--since is not before --until", "swap or correct them")
    return TimeRange(start, end)


def _moment(text: str, option: str) -> datetime:
    try:
        return time(text)
    except BadValue as error:
        raise SettingsError(f"{option} {error.problem}", error.fix) from None


def _json(found: Imported) -> dict[str, object]:
    covered = [
        {"stream": gap.stream, "since": gap.missing.start, "until": gap.missing.end}
        for gap in found.covered
    ]
    return {**asdict(found), "covered": covered}


def _print(account: str, dataset: str, found: Imported, asserted: TimeRange | None) -> None:
    numbers = {
        "read": found.read,
        "new": found.new,
        "changed": found.changed,
        "already there": found.already_there,
        "left out": found.left_out,
        "coverage before": _percent(found.coverage_before),
        "coverage after": _percent(found.coverage_after),
    }
    output.print_table(["account", "dataset", *numbers], [[account, dataset, *numbers.values()]])
    if found.left_out:
        output.note(f"{found.left_out} rows were left out: the exchange has not booked them yet")
    if asserted is None:
        output.note(
            "coverage is unchanged: give --since and --until if the file is complete for a range "
            "of time"
        )
    elif not found.covered:
        output.note(f"coverage is unchanged: nothing was missing in {asserted}")
    for gap in found.covered:
        output.note(f"now covered: {gap.stream} {gap.missing}")


def _percent(share: Decimal | None) -> str | None:
    return None if share is None else f"{100 * share:.2f} %"
