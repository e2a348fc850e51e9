"""`alphapulse sync`: now, through Dagster, so that it shows in the UI."""

import logging
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from alphapulse_pipeline.cli import output
from alphapulse_pipeline.cli.workspace import Workspace, workspace
from alphapulse_pipeline.datasets import DATASETS, HISTORIES, SNAPSHOTS
from alphapulse_pipeline.settings.accounts import Account
from alphapulse_pipeline.settings.errors import SettingsError
from alphapulse_pipeline.settings.redaction import redact


@dataclass(frozen=True)
class Result:
    """How one dataset of one account ended. `rows`: inserted and changed."""

    account: str
    dataset: str
    status: str
    rows: int
    seconds: float
    error: str | None


def register(app: typer.Typer) -> None:
    app.command(
        help="Sync accounts now, then the portfolio.\n\n"
        "Example: alphapulse sync bybit --dataset trades"
    )(sync)


def sync(
    accounts: Annotated[
        list[str] | None, typer.Argument(metavar="ACCOUNT", help="Default: all.")
    ] = None,
    dataset: Annotated[
        list[str] | None, typer.Option("--dataset", help="Only this one; may be repeated.")
    ] = None,
    since: Annotated[str | None, typer.Option(help="Histories from this day (UTC) on.")] = None,
    until: Annotated[str | None, typer.Option(help="Histories up to this day, included.")] = None,
    demo: Annotated[bool, typer.Option("--demo", help="Invented data, a database apart.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The result as JSON.")] = False,
) -> int:
    datasets = _datasets(dataset)
    days = _day(since, "--since"), _day(until, "--until")
    if days[0] and days[1] and days[0] > days[1]:
        raise SettingsError("--since is later than --until")
    with workspace(demo=demo, migrate=True) as place:
        chosen = place.chosen(accounts or [])
        _check_days(chosen, datasets, days)
        results = _sync(place, chosen, datasets, days)
        derived = _derive() if results and place.portfolio else True
    ok = derived and all(result.status == "completed" for result in results)
    if as_json:
        output.print_json({"ok": ok, "results": [asdict(result) for result in results]})
    else:
        _print(results)
    return 0 if ok else 1


def _sync(
    place: Workspace,
    accounts: Sequence[Account],
    datasets: Sequence[str],
    days: tuple[datetime | None, datetime | None],
) -> list[Result]:
    from alphapulse_pipeline.cli import runs
    from alphapulse_pipeline.sync.session import supported

    results: list[Result] = []
    with output.stderr.status("starting") as line, _told(line):
        for account in accounts:
            wanted = [d for d in supported(account) if d in datasets]
            if not wanted:
                output.note(
                    f"{account.name}: nothing to sync: {account.settings.exchange} has nothing of "
                    "what was asked for, or its defs.yaml leaves it out"
                )
            if missing := account.environment.missing():
                text = f"{' and '.join(missing)} not set"
                output.error(f"{account.name}: {text}")
                results += [Result(account.name, d, "failed", 0, 0.0, text) for d in wanted]
                continue
            for group in (SNAPSHOTS, HISTORIES):
                names = [d for d in group if d in wanted]
                if names:
                    started = time.monotonic()
                    run = runs.materialize(account, names, *(days if group is HISTORIES else ()))
                    results += _results(place, account, names, run, time.monotonic() - started)
    return results


def _derive() -> bool:
    """Bring the portfolio up to date with what was read; whether that went well."""
    from alphapulse_pipeline.cli import runs

    with output.stderr.status("refreshing the portfolio"):
        run = runs.refresh_portfolio()
    if not run.success:
        output.error(
            f"the portfolio was not refreshed: {redact(run.error or 'it did not start')}; what was "
            "read is stored, and the next sync tries again"
        )
    return run.success


def _results(
    place: Workspace, account: Account, names: Iterable[str], run: Any, seconds: float
) -> list[Result]:
    """What `sync_log` says of the run; a dataset that it does not know never began."""
    from alphapulse_pipeline.warehouse.connection import connect

    with connect(place.url) as connection:
        rows = connection.execute(
            "SELECT dataset, status, rows_written, error,"
            " extract(epoch FROM coalesce(finished_at, now()) - started_at)"
            " FROM alphapulse.sync_log WHERE run_id = %s AND account = %s",
            [run.run_id, account.name],
        ).fetchall()
    found = {
        row[0]: Result(account.name, row[0], row[1], row[2], round(float(row[4]), 3), row[3])
        for row in rows
    }
    results = []
    for name in names:
        result = found.get(name) or Result(
            account.name, name, "failed", 0, round(seconds, 3), redact(run.error or "not started")
        )
        if result.error:
            output.error(f"{account.name}/{name}: {result.error}")
        results.append(result)
    return results


def _print(results: Sequence[Result]) -> None:
    output.print_table(
        ["account", "dataset", "status", "rows", "seconds"],
        [(r.account, r.dataset, r.status, r.rows, f"{r.seconds:.1f}") for r in results],
    )


def _datasets(asked: Sequence[str] | None) -> Sequence[str]:
    if unknown := [d for d in asked or () if d not in DATASETS]:
        raise SettingsError(f"no dataset {', '.join(unknown)}: there are {', '.join(DATASETS)}")
    return asked or list(DATASETS)


def _day(text: str | None, option: str) -> datetime | None:
    if text is None:
        return None
    try:
        day = datetime.fromisoformat(text)
    except ValueError:
        raise SettingsError(f"{option} {text!r} is no day: write 2026-01-31") from None
    return day.replace(tzinfo=day.tzinfo or UTC)


def _check_days(
    accounts: Sequence[Account],
    datasets: Sequence[str],
    days: tuple[datetime | None, datetime | None],
) -> None:
    """Raise `SettingsError` where no history has one of the days."""
    since, until = days
    if since and since > datetime.now(UTC):
        raise SettingsError(f"--since {since:%Y-%m-%d} lies in the future")
    for account in accounts:
        start = account.settings.history_start
        if until and until.date() < start and set(datasets) & set(HISTORIES):
            raise SettingsError(
                f"--until {until:%Y-%m-%d} is before the histories of {account.name} begin: "
                f"history_start in its defs.yaml is {start}"
            )


class _told:
    """Shows what the sync logs, on one live line."""

    def __init__(self, line: Any) -> None:
        self._handler = _LineHandler(line)

    def __enter__(self) -> None:
        logging.getLogger("alphapulse_pipeline").addHandler(self._handler)

    def __exit__(self, *_: object) -> None:
        logging.getLogger("alphapulse_pipeline").removeHandler(self._handler)


class _LineHandler(logging.Handler):
    def __init__(self, line: Any) -> None:
        super().__init__(logging.INFO)
        self._line = line

    def emit(self, record: logging.LogRecord) -> None:
        self._line.update(redact(record.getMessage()))
