"""`alphapulse sync` of an account that its exchange refuses: asked once, explained once."""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from pathlib import Path

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.cli.runs import Run
from alphapulse_pipeline.cli.sync import _Sync
from alphapulse_pipeline.cli.sync_display import Display
from alphapulse_pipeline.cli.sync_summary import Result
from alphapulse_pipeline.cli.sync_worker import _refused
from alphapulse_pipeline.cli.sync_workers import Event, Task, Workers
from alphapulse_pipeline.cli.workspace import Workspace
from alphapulse_pipeline.exchange.kind import Kind
from alphapulse_pipeline.settings.accounts import Account, AccountSettings
from alphapulse_pipeline.settings.portfolio import PortfolioSettings
from alphapulse_pipeline.warehouse import sync_log

DATASETS = ["balances", "positions", "orders", "trades"]


class Scripted(Workers):
    """Instead of processes: the account `refused` is refused, and each other one works."""

    def __init__(self, jobs: int) -> None:
        self.jobs = jobs
        self._waiting = deque()
        self.tasks: list[tuple[str, Sequence[str]]] = []

    def run(
        self,
        tasks: Iterable[Task],
        handle: Callable[[Task, Event], None],
        refresh: Callable[[], None],
    ) -> None:
        self._waiting.extend(tasks)
        while self._waiting:
            task = self._waiting.popleft()
            handle(task, {"kind": "began", "datasets": task["datasets"]})
            name, datasets = task["account"], task["datasets"]
            self.tasks.append((name, datasets))
            refused = name == "refused"
            status, error = ("failed", "no such key") if refused else ("completed", None)
            results = [
                {"account": name, "dataset": d, "status": status, "rows": 0, "seconds": 0.0}
                | {"error": error}
                for d in datasets
            ]
            handle(task, {"kind": "done", "results": results, "refused": refused, "error": None})


def account(name: str, monkeypatch: pytest.MonkeyPatch) -> Account:
    settings = AccountSettings(exchange="bybit", history_start=date(2026, 9, 1))
    made = Account(name, settings)
    monkeypatch.setenv(made.environment.api_key, "key")
    monkeypatch.setenv(made.environment.api_secret, "secret")
    return made


def sync(
    names: Sequence[str], database: str, monkeypatch: pytest.MonkeyPatch, jobs: int = 4
) -> tuple[list[Result], list[str]]:
    """The results, and which of the accounts and the portfolio ran."""
    accounts = [account(name, monkeypatch) for name in names]
    place = Workspace(
        accounts, {}, PortfolioSettings(), database, demo=False, home=Path(), embedded=False
    )
    pool = Scripted(jobs)
    results, _ = _Sync(place, Display(live=False), pool, (None, None)).sync(
        [(account, DATASETS) for account in accounts]
    )
    ran = [(name, [d for d in datasets if d in DATASETS]) for name, datasets in pool.tasks]
    return results, [f"{name}: {', '.join(datasets)}" for name, datasets in ran]


def test_histories_of_a_refused_account_are_not_requested(
    database: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    results, ran = sync(["refused", "works"], database, monkeypatch)
    assert ran == [
        "refused: balances, positions",
        "works: balances, positions",
        "works: orders, trades",
        "portfolio: ",
    ]
    assert [(r.account, r.dataset, r.status) for r in results] == [
        (name, dataset, status)
        for name, status in (("refused", "failed"), ("works", "completed"))
        for dataset in DATASETS
    ]
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error")]
    assert errors == [
        "error: refused/balances, positions: no such key",
        "error: refused/orders, trades: not read: the exchange refused the account, see above",
    ]


@pytest.mark.parametrize("jobs", [1, 2, 3])
def test_the_value_is_calculated_beside_the_first_histories(
    database: str, monkeypatch: pytest.MonkeyPatch, jobs: int
) -> None:
    _, ran = sync(["a", "b", "c", "d"], database, monkeypatch, jobs)
    histories = [name for name in ran[4:] if name != "portfolio: "]
    assert histories == [f"{name}: orders, trades" for name in "abcd"]
    assert ran[4:].index("portfolio: ") == jobs - 1


def test_the_last_refresh_follows_the_last_history(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One before it, when others have ended; never two without anything new between them."""
    _, ran = sync(["a", "b", "c", "d"], database, monkeypatch, jobs=1)
    assert [name.partition(":")[0] for name in ran[4:]] == [
        *("portfolio", "a", "b", "c", "d"),
        "portfolio",
    ]


def test_a_portfolio_without_any_news_is_not_refreshed(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, ran = sync(["refused"], database, monkeypatch)
    assert ran == ["refused: balances, positions"]


@pytest.mark.parametrize(
    ("failures", "refused"),
    [
        ((Kind.CREDENTIALS, Kind.CREDENTIALS), True),
        ((Kind.BANNED, Kind.TRANSIENT), True),
        ((Kind.PERMISSION, Kind.PERMISSION), False),
        ((Kind.CREDENTIALS, None), False),
        ((), False),
    ],
)
def test_an_account_is_refused_if_nothing_of_it_could_be_read(
    db: Connection[TupleRow],
    database: str,
    monkeypatch: pytest.MonkeyPatch,
    failures: Sequence[Kind | None],
    refused: bool,
) -> None:
    monkeypatch.setenv("ALPHAPULSE_POSTGRES_URL", database)
    for dataset, kind in zip(DATASETS, failures, strict=False):
        attempt = sync_log.start(db, "main", dataset, "a run")
        if kind:
            sync_log.fail(db, attempt, 0, 1, kind, "an error")
        else:
            sync_log.succeed(db.cursor(), attempt, 1, 1)
    assert _refused(account("main", monkeypatch), Run("a run", False, None)) is refused
