"""What an API key may do, as Dagster and `alphapulse status` show it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from psycopg import Connection
from psycopg.rows import TupleRow
from typer.testing import CliRunner

from alphapulse_pipeline.cli.app import app
from alphapulse_pipeline.components import checks
from alphapulse_pipeline.components.checks import checks_of
from alphapulse_pipeline.components.histories import MODE
from alphapulse_pipeline.components.key_check import KEY
from alphapulse_pipeline.settings.accounts import Account, AccountSettings
from alphapulse_pipeline.settings.environment import HOME
from alphapulse_pipeline.warehouse import keys
from alphapulse_pipeline_tests.components.conftest import HISTORY_START
from alphapulse_pipeline_tests.components.tables import lines
from alphapulse_pipeline_tests.components.test_runs import DAYS, failure_of
from alphapulse_pipeline_tests.conftest import NOW_MS
from exchange_simulator import Key, World, serve

Database = Connection[TupleRow]
RunJob = Callable[..., dg.ExecuteInProcessResult]
ERROR, WARN = dg.AssetCheckSeverity.ERROR, dg.AssetCheckSeverity.WARN
SOON, LATER = (datetime.now(UTC) + timedelta(days=days) for days in (13, 15))
GONE = datetime.now(UTC) - timedelta(minutes=1)


def checked(db: Database, *, allowed: bool = False) -> dg.AssetCheckResult:
    settings = {
        "exchange": "bybit",
        "history_start": "2026-01-01",
        "allow_trading_keys": allowed,
        "allow_unknown_rights": allowed,
    }
    account = Account("main", AccountSettings.model_validate(settings))
    (check,) = (check for check in checks_of(["balances", "trades"]) if check.name == KEY)
    with db.transaction():
        return checks.result(db, account, check, "a run that only checks")


@pytest.mark.parametrize(
    ("rights", "allowed", "severity", "finding"),
    [
        ((True, False, False, None), False, None, ""),
        ((True, False, False, LATER), True, None, ""),
        ((True, True, True, None), True, ERROR, "the key can withdraw"),
        ((True, True, False, None), False, ERROR, "can trade and allow_trading_keys is false"),
        ((True, True, False, SOON), True, WARN, "can trade, which allow_trading_keys permits"),
        ((False, False, False, None), False, ERROR, "cannot read"),
        ((True, False, False, GONE), False, ERROR, "has expired"),
        ((True, False, False, SOON), False, WARN, "expires within 14 days"),
        ((None, None, None, None), False, ERROR, "allow_unknown_rights is false, so it is not"),
        ((None, None, None, None), True, WARN, "which allow_unknown_rights permits"),
        ((None, None, False, None), False, WARN, "demo trading does not report the permissions"),
        ((True, None, True, None), False, ERROR, "the key can withdraw"),
    ],
)
def test_the_check_says_what_is_the_case(
    rights: tuple[bool | None, bool | None, bool | None, datetime | None],
    allowed: bool,
    severity: dg.AssetCheckSeverity | None,
    finding: str,
    db: Database,
) -> None:
    keys.store(db, "main", "print", *rights, ["10.0.0.1"])
    found = checked(db, allowed=allowed)
    assert found.passed is (severity is None)
    assert "10.0.0.1" in str(found.metadata["current"].value)
    if severity:
        assert found.severity is severity
        assert finding in lines(found.metadata["examples"])[0]
        assert "read-only key" in str(found.metadata["hint"].value)


def test_a_key_that_was_never_asked_about_is_a_warning(db: Database) -> None:
    keys.store(db, "another", "print", True, True, True, None, None)
    found = checked(db)
    assert (found.passed, found.severity) == (False, WARN)
    assert "have not been requested yet" in str(found.metadata["examples"].value)


def test_the_check_belongs_to_the_first_dataset() -> None:
    for datasets in (["balances", "trades"], ["prices"], ["orders", "ledger"]):
        (check,) = (check for check in checks_of(datasets) if check.name == KEY)
        assert check.dataset == datasets[0]
    assert checks_of([]) == []


def key_evaluations(result: dg.ExecuteInProcessResult) -> list[tuple[bool, dg.AssetCheckSeverity]]:
    return [
        (evaluation.passed, evaluation.severity)
        for evaluation in result.get_asset_check_evaluations()
        if evaluation.check_name == KEY
    ]


def test_a_refused_key_fails_every_dataset_of_a_run_and_its_check(
    world: World,
    make_account: Callable[..., Account],
    run_job: RunJob,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    datasets = ["balances", "positions", "trades", "ledger"]
    with serve(world, clock=lambda: NOW_MS, keys=[Key(may_withdraw=True)]) as simulator:
        account = make_account(simulator.url, history_start=HISTORY_START, datasets=datasets)
        snapshot = run_job(account, "snapshot")
        history = run_job(account, "history", tags={**DAYS, MODE: "fill"})
    assert not snapshot.success
    assert not history.success
    for result, names in ((snapshot, datasets[:2]), (history, datasets[2:])):
        for name in names:
            assert f"bybit/{name}: the key in BYBIT_API_KEY " in failure_of(result)
        assert "Traceback" not in failure_of(result)
        assert list(result.get_asset_materialization_events()) == []
    assert key_evaluations(history) == [(False, ERROR)]

    monkeypatch.setenv(HOME, str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "200")
    shown = CliRunner().invoke(app, ["status"], standalone_mode=False).output
    (line,) = [line for line in shown.splitlines() if "withdraw" in line]
    assert line.startswith(f"bybit: {', '.join(sorted(datasets))}: the key in BYBIT_API_KEY ")
    assert "read-only key for BYBIT_API_KEY" in shown


def test_a_key_that_only_reads_passes_its_check_in_a_run(
    world: World, make_account: Callable[..., Account], run_job: RunJob
) -> None:
    with serve(world, clock=lambda: NOW_MS) as simulator:
        account = make_account(
            simulator.url, history_start=HISTORY_START, datasets=["balances", "ledger"]
        )
        assert key_evaluations(run_job(account, "snapshot")) == [(True, ERROR)]
