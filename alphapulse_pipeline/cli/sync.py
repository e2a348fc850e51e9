"""`alphapulse sync`: Dagster runs in this process, which the UI shows like any other."""

import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
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
    """The outcome for one dataset of one account. `rows`: inserted or changed.

    `dataset` is empty for an account whose file has a mistake.
    """

    account: str
    dataset: str
    status: str
    rows: int
    seconds: float
    error: str | None


def register(app: typer.Typer, summary: str) -> None:
    app.command(help=f"{summary}\n\nExample: alphapulse sync bybit --dataset trades")(sync)


def sync(
    accounts: Annotated[
        list[str] | None, typer.Argument(metavar="ACCOUNT", help="Account names. Default: all.")
    ] = None,
    dataset: Annotated[
        list[str] | None,
        typer.Option("--dataset", help="Sync only this dataset, e.g. trades; may be repeated."),
    ] = None,
    since: Annotated[
        str | None, typer.Option(help="Sync histories from this day (UTC), e.g. 2026-01-31.")
    ] = None,
    until: Annotated[
        str | None, typer.Option(help="Sync histories through this day (UTC).")
    ] = None,
    demo: Annotated[
        bool,
        typer.Option("--demo", help="Use the simulated demo account and its separate database."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> int:
    datasets = _datasets(dataset)
    days = _day(since, "--since"), _day(until, "--until")
    if days[0] and days[1] and days[0] > days[1]:
        raise SettingsError("--since is later than --until", "swap or correct them")
    with workspace(demo=demo, migrate=True) as place:
        chosen = place.chosen(accounts or [])
        _check_days(chosen, datasets, days)
        results = _sync(place, chosen, datasets, days)
        if not accounts:
            results += [
                Result(name, "", "failed", 0, 0.0, str(error))
                for name, error in place.broken.items()
            ]
        refreshed = _refresh_portfolio() if results and place.portfolio else True
    ok = refreshed and all(result.status == "completed" for result in results)
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
    with output.stderr().status("starting") as line, _log_shown_on(line):
        for account in accounts:
            wanted = [d for d in supported(account) if d in datasets]
            if not wanted:
                output.note(
                    f"{account.name}: nothing to sync: the selected datasets are not supported for "
                    f"{account.settings.exchange}, or its defs.yaml excludes them"
                )
            if missing := account.environment.missing():
                text = (
                    f"{' and '.join(missing)} not set{account.environment.misspelled()}; export a "
                    "read-only key or add it to .env"
                )
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


def _refresh_portfolio() -> bool:
    """Refresh the portfolio tables; returns whether that succeeded."""
    from alphapulse_pipeline.cli import runs

    with output.stderr().status("refreshing the portfolio"):
        run = runs.refresh_portfolio()
    if not run.success:
        output.error(
            f"the portfolio was not refreshed: {redact(run.error or 'the run did not start')}; "
            "the synced rows are stored, and the next sync retries"
        )
    return run.success


def _results(
    place: Workspace, account: Account, names: Iterable[str], run: Any, seconds: float
) -> list[Result]:
    """The run's results from `sync_log`; a dataset without a row there was never started."""
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
        raise SettingsError(f"no dataset {', '.join(unknown)}", f"use {', '.join(DATASETS)}")
    return asked or list(DATASETS)


def _day(text: str | None, option: str) -> datetime | None:
    if text is None:
        return None
    try:
        day = datetime.fromisoformat(text)
    except ValueError:
        raise SettingsError(f"{option} {text!r} is not a day", "write it as 2026-01-31") from None
    return day.replace(tzinfo=day.tzinfo or UTC)


def _check_days(
    accounts: Sequence[Account],
    datasets: Sequence[str],
    days: tuple[datetime | None, datetime | None],
) -> None:
    """Raise `SettingsError` if the days are outside of every history."""
    since, until = days
    if since and since > datetime.now(UTC):
        raise SettingsError(f"--since {since:%Y-%m-%d} is in the future", "use an earlier day")
    for account in accounts:
        start = account.settings.history_start
        if until and until.date() < start and set(datasets) & set(HISTORIES):
            raise SettingsError(
                f"--until {until:%Y-%m-%d} is before the histories of {account.name} begin",
                f"use {start} or later, or change history_start in its defs.yaml",
            )


@contextmanager
def _log_shown_on(line: Any) -> Iterator[None]:
    """Show the latest log message on one live line."""
    handler = _LineHandler(line)
    logger = logging.getLogger("alphapulse_pipeline")
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


class _LineHandler(logging.Handler):
    def __init__(self, line: Any) -> None:
        super().__init__(logging.INFO)
        self._line = line

    def emit(self, record: logging.LogRecord) -> None:
        self._line.update(redact(record.getMessage()))
