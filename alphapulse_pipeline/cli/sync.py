"""`alphapulse sync`: Dagster runs, which the UI shows like any other, of accounts side by side.

First the snapshots of all accounts, then their histories, then the portfolio. The value of what
they hold now is shown as soon as it is known.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated

import typer

from alphapulse_pipeline.cli import output
from alphapulse_pipeline.cli.sync_display import Display, display
from alphapulse_pipeline.cli.sync_summary import Result, completeness, done, print_next
from alphapulse_pipeline.cli.sync_workers import PORTFOLIO, Event, Task, Workers, workers
from alphapulse_pipeline.cli.workspace import Workspace, workspace
from alphapulse_pipeline.datasets import DATASETS, HISTORIES, SNAPSHOTS
from alphapulse_pipeline.portfolio.tables import DERIVED
from alphapulse_pipeline.settings.accounts import Account
from alphapulse_pipeline.settings.errors import SettingsError
from alphapulse_pipeline.warehouse.connection import connect

_JOBS = 4
"""A process takes about 200 MB, and mostly waits for its exchange."""
_REFRESH: Task = {"account": PORTFOLIO, "datasets": [table.name for table in DERIVED]}
_NOW = "what the accounts hold now"
_HISTORY = "the history since {}"
_PORTFOLIO = "the portfolio: prices, value, profit and reconciliation"
"""The steps."""


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
    jobs: Annotated[
        int,
        typer.Option(min=1, max=64, help="How many accounts to sync in parallel."),
    ] = _JOBS,
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
    if demo:
        output.note("this is the demo: the exchanges and their data are simulated")
    with display() as shown:
        # a new one takes seconds
        shown.phase(f"Preparing the database{' and the simulated exchanges' if demo else ''}")
        with workspace(demo=demo, migrate=True) as place:
            chosen = place.chosen(accounts or [])
            _check_days(chosen, datasets, days)
            # the portfolio is refreshed beside the histories, and takes one of the processes
            processes = min(jobs, len(chosen) + 1)
            with workers(place.home / "logs", processes) as pool:
                work = _Sync(place, shown, pool, days)
                results, refreshed = work.sync(_wanted(chosen, datasets))
                shown.phase("Closing the database")
                found = _findings(place, chosen, results, refreshed=refreshed)
    if not accounts:
        results += [
            Result(name, "", "failed", 0, 0.0, str(error)) for name, error in place.broken.items()
        ]
    ok = refreshed and all(result.status == "completed" for result in results)
    if as_json:
        output.print_json({"ok": ok, "results": [asdict(result) for result in results]})
    else:
        _print(results)
    if results:
        output.note(done(results, shown.seconds, shown.warnings, demo=place.demo))
        for line in found:
            output.note(line)
        print_next(demo=place.demo)
    return 0 if ok else 1


@dataclass
class _Sync:
    """One `alphapulse sync`."""

    place: Workspace
    shown: Display
    pool: Workers
    days: tuple[datetime | None, datetime | None]
    _results: list[Result] = field(default_factory=list)
    _refused: set[str] = field(default_factory=set)
    """The accounts that their exchange refused: another request would be refused as well."""
    _reading: set[str] = field(default_factory=set)
    """The accounts whose histories have not ended."""
    _outdated: bool = False
    """Whether something was read since the last refresh of the portfolio began."""
    _refreshing: bool = False
    """Whether a refresh runs or waits."""
    _refreshed: bool = True
    """Whether the last refresh succeeded."""
    _value_shown: bool = False

    def sync(self, wanted: Sequence[tuple[Account, Sequence[str]]]) -> tuple[list[Result], bool]:
        """The results in the order of the accounts, and whether the portfolio was refreshed."""
        if not wanted:
            return [], True
        read = {dataset for _, datasets in wanted for dataset in datasets}
        history = _HISTORY.format(_since(account for account, _ in wanted))
        steps = {
            _NOW: not read.isdisjoint(SNAPSHOTS),
            history: not read.isdisjoint(HISTORIES),
            _PORTFOLIO: self.place.portfolio is not None,
        }
        taken = [step for step, is_taken in steps.items() if is_taken]
        titles = {s: f"Step {n} of {len(taken)}, {s}" for n, s in enumerate(taken, 1)}
        self._run(titles.get(_NOW, ""), self._tasks(wanted, SNAPSHOTS))
        histories = self._tasks(wanted, HISTORIES)
        self._reading = {task["account"] for task in histories}
        if histories and self._outdated:
            # one of the first to run, so that the value is shown before the histories are read
            histories.insert(self.pool.jobs - 1, _REFRESH)
            self._refreshing = True
        self._run(titles.get(history, ""), histories)
        if self._outdated:
            self._run(titles[_PORTFOLIO], [_REFRESH])
        places = {account.name: place for place, (account, _) in enumerate(wanted)}
        self._results.sort(key=lambda result: places[result.account])
        return self._results, self._refreshed

    def _tasks(
        self, wanted: Sequence[tuple[Account, Sequence[str]]], group: Mapping[str, object]
    ) -> list[Task]:
        chosen = [(account, [d for d in datasets if d in group]) for account, datasets in wanted]
        return [
            self._task(account, datasets)
            for account, datasets in chosen
            if datasets
            and self._has_credentials(account, datasets)
            and self._admits(account, datasets)
        ]

    def _run(self, title: str, tasks: Sequence[Task]) -> None:
        if tasks:
            self.shown.phase(title, [task["account"] for task in tasks if task is not _REFRESH])
            self.pool.run(tasks, self._handle, self.shown.refresh)

    def _has_credentials(self, account: Account, datasets: Sequence[str]) -> bool:
        missing = account.environment.missing()
        if missing:
            text = (
                f"{' and '.join(missing)} not set{account.environment.misspelled()}; export a "
                "read-only key or add it to .env"
            )
            if all(result.account != account.name for result in self._results):
                output.error(f"{account.name}: {text}")
            self._results += [Result(account.name, d, "failed", 0, 0.0, text) for d in datasets]
        return not missing

    def _admits(self, account: Account, datasets: Sequence[str]) -> bool:
        if account.name not in self._refused:
            return True
        text = "not read: the exchange refused the account, see above"
        self.shown.failed(account.name, datasets, text)
        self._results += [Result(account.name, d, "failed", 0, 0.0, text) for d in datasets]
        return False

    def _task(self, account: Account, datasets: Sequence[str]) -> Task:
        since, until = self.days if datasets[0] in HISTORIES else (None, None)
        return {
            "account": account.name,
            "datasets": list(datasets),
            "since": since.isoformat() if since else None,
            "until": until.isoformat() if until else None,
        }

    def _handle(self, task: Task, event: Event) -> None:
        self.shown.event(task["account"], event)
        if task is _REFRESH and event["kind"] == "began":
            self._outdated = False
        if event["kind"] not in ("done", "died"):
            return
        if task is _REFRESH:
            self._end_refresh(event["error"])
            return
        if event["kind"] == "done":
            results = [Result(**result) for result in event["results"]]
            if event["refused"]:
                self._refused.add(task["account"])
        else:
            results = [
                Result(task["account"], d, "failed", 0, 0.0, event["error"])
                for d in task["datasets"]
            ]
        failed: dict[str, list[str]] = {}
        for result in results:
            if result.error:
                failed.setdefault(result.error, []).append(result.dataset)
        for error, datasets in failed.items():
            self.shown.failed(task["account"], datasets, error)
        self._results += results
        self._reading.discard(task["account"])
        if self.place.portfolio and task["account"] not in self._refused:
            self._outdated = True
        if self._outdated and self._reading and not self._refreshing:
            # so that the last refresh has little left to do
            self._refreshing = True
            self.pool.add(_REFRESH)

    def _end_refresh(self, error: str | None) -> None:
        self._refreshing, self._refreshed = False, error is None
        if error is not None:
            output.error(
                f"the portfolio was not refreshed: {error or 'the run did not start'}; the synced "
                "rows are stored, and the next sync retries"
            )
        elif not self._value_shown:
            self._show_value()
            self._value_shown = True

    def _show_value(self) -> None:
        """The first useful result, long before the histories are read."""
        from alphapulse_pipeline.portfolio.summary import first_values

        with connect(self.place.url) as connection:
            for line in first_values(connection):
                output.note(line)


def _wanted(
    accounts: Sequence[Account], datasets: Sequence[str]
) -> list[tuple[Account, Sequence[str]]]:
    """The datasets to sync of each account."""
    from alphapulse_pipeline.sync.session import supported

    found: list[tuple[Account, Sequence[str]]] = []
    for account in accounts:
        found.append((account, [d for d in supported(account) if d in datasets]))
        if not found[-1][1]:
            output.note(
                f"{account.name}: nothing to sync: the selected datasets are not supported for "
                f"{account.settings.exchange}, or its defs.yaml excludes them"
            )
    return found


def _print(results: Sequence[Result]) -> None:
    output.print_table(
        ["account", "dataset", "status", "rows", "seconds"],
        [(r.account, r.dataset, r.status, r.rows, Decimal(f"{r.seconds:.1f}")) for r in results],
        counts=["rows", "seconds"],
    )


def _findings(
    place: Workspace, accounts: Sequence[Account], results: Sequence[Result], *, refreshed: bool
) -> list[str]:
    """Whether the histories are complete, what the accounts are worth, and whether it adds up."""
    from alphapulse_pipeline.portfolio.summary import summary

    if not any(result.status == "completed" for result in results):
        return []
    with connect(place.url) as connection:
        lines = completeness(connection, results, _since(accounts))
        return lines + (summary(connection) if place.portfolio and refreshed else [])


def _since(accounts: Iterable[Account]) -> date:
    """When the first of their histories begins."""
    return min(account.settings.history_start for account in accounts)


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
