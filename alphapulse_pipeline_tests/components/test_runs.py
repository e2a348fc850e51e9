"""Whole Dagster runs: what fails is named, what worked is kept, and no secret is anywhere."""

import os
import socket
from collections.abc import Callable
from io import BytesIO
from typing import Any

import dagster as dg
import psycopg
import pytest
from psycopg import Connection, sql
from psycopg.rows import TupleRow

from alphapulse_pipeline.components.histories import MODE, TIME_LIMIT
from alphapulse_pipeline.exchange import ccxt_client
from alphapulse_pipeline.health import circuit
from alphapulse_pipeline.health.circuit import Circuit
from alphapulse_pipeline.settings.accounts import Account
from alphapulse_pipeline.sync.session import open_session
from alphapulse_pipeline.sync.snapshots import snapshot
from alphapulse_pipeline_tests.bybit_datasets import HISTORIES
from alphapulse_pipeline_tests.components.conftest import HISTORY_START
from exchange_simulator import Simulator

Make = Callable[..., Account]
RunJob = Callable[..., dg.ExecuteInProcessResult]

DAYS = {
    "dagster/asset_partition_range_start": "2026-10-14",
    "dagster/asset_partition_range_end": "2026-10-15",
    MODE: "fill",
}


def failure_of(result: dg.ExecuteInProcessResult) -> str:
    """What the failed steps of a run say, as the UI shows it."""
    failures = [e.step_failure_data for e in result.all_events if e.is_step_failure]
    return "\n".join(
        d.user_failure_data.description or "" for d in failures if d.user_failure_data is not None
    )


def dump(db: Connection[TupleRow]) -> str:
    """Every table of the database, Dagster's and ours, as text."""
    tables = db.execute(
        "SELECT schemaname, tablename FROM pg_tables"
        " WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
    ).fetchall()
    found = BytesIO()
    with db.cursor() as cursor:
        for schema, table in tables:
            found.write(f"-- {schema}.{table}\n".encode())
            name = sql.Identifier(schema, table)
            with cursor.copy(sql.SQL("COPY {} TO STDOUT").format(name)) as copy:
                for block in copy:
                    found.write(block)
    return found.getvalue().decode()


@pytest.mark.parametrize(
    ("fault", "job", "failed", "kept"),
    [
        (
            "html:/v5/account/wallet-balance",
            "snapshot",
            ["balances", "prices"],
            ["positions", "books"],
        ),
        (
            "status=503:/v5/execution/list",
            "history",
            ["trades", "funding"],
            ["orders", "transfers", "conversions", "ledger", "candles"],
        ),
    ],
)
def test_one_dataset_fails_and_the_others_are_kept(
    simulator: Simulator,
    make_account: Make,
    run_job: RunJob,
    instance: dg.DagsterInstance,
    db: Connection[TupleRow],
    monkeypatch: pytest.MonkeyPatch,
    fault: str,
    job: str,
    failed: list[str],
    kept: list[str],
) -> None:
    monkeypatch.setattr(ccxt_client, "_MAX_ATTEMPTS", 1)
    simulator.set_faults(fault)
    account = make_account(simulator.url, history_start=HISTORY_START)
    result = run_job(account, job, tags=DAYS if job == "history" else {})
    run = instance.get_run_by_id(result.run_id)
    assert run is not None
    assert run.status is dg.DagsterRunStatus.FAILURE
    message = failure_of(result)
    for dataset in failed:
        assert f"bybit/{dataset}: " in message
    attempts = db.execute("SELECT dataset, status FROM alphapulse.sync_log").fetchall()
    log: dict[str, str] = dict(attempts)
    assert log == dict.fromkeys(failed, "failed") | dict.fromkeys(kept, "completed")
    materialized = {
        event.asset_key.path[-1]
        for event in result.get_asset_materialization_events()
        if event.asset_key
    }
    assert materialized == set(kept)
    if job == "history":  # a history that failed keeps no other one from being checked
        checked = {e.asset_key.path[-1] for e in result.get_asset_check_evaluations()}
        assert checked & set(HISTORIES) == set(kept)


def test_a_bug_in_one_dataset_fails_it_alone(
    simulator: Simulator,
    make_account: Make,
    run_job: RunJob,
    db: Connection[TupleRow],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("unforeseen")

    monkeypatch.setattr("alphapulse_pipeline.sync.snapshots.balance_rows", broken)
    account = make_account(simulator.url)
    result = run_job(account, "snapshot")
    assert not result.success
    assert "bybit/balances: unforeseen" in failure_of(result)
    log = db.execute("SELECT dataset, status, error_kind FROM alphapulse.sync_log").fetchall()
    assert ("balances", "failed", "bug") in log
    assert ("positions", "completed", None) in log


def test_an_unreachable_host_fails_the_run_soon(
    make_account: Make,
    run_job: RunJob,
    db: Connection[TupleRow],
    covered_nothing: Callable[[], bool],
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    datasets = ["orders", "trades"]
    url = f"http://127.0.0.1:{port}"
    account = make_account(url, history_start=HISTORY_START, datasets=datasets)
    result = run_job(account, "history", tags=DAYS)
    assert not result.success
    message = failure_of(result)
    for dataset in datasets:
        assert f"bybit/{dataset}: the exchange cannot be reached" in message
    assert "Traceback" not in message
    rows = db.execute("SELECT error_kind, requests FROM alphapulse.sync_log ORDER BY id").fetchall()
    assert [kind for kind, _ in rows] == ["transient", "transient"]
    assert rows[1][1] < rows[0][1], "retries are spent once"
    assert covered_nothing()


@pytest.fixture
def covered_nothing(db: Connection[TupleRow]) -> Callable[[], bool]:
    def read() -> bool:
        query = "SELECT count(*) FROM alphapulse.coverage WHERE covered <> '{}'"
        return db.execute(query.encode()).fetchone() == (0,)

    return read


def test_a_refused_key_opens_the_circuit_and_a_good_one_closes_it(
    simulator: Simulator,
    make_account: Make,
    run_job: RunJob,
    db: Connection[TupleRow],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """New keys take effect with the next run, which is a trial."""
    account = make_account(simulator.url, datasets=["balances", "positions"])
    names = account.environment
    good = os.environ[names.api_secret]
    monkeypatch.setenv(names.api_secret, "wrong")
    assert not run_job(account, "snapshot").success
    opened = circuit.read(db, account.name)
    assert opened.state == "open"
    assert "BYBIT_API_SECRET" in opened.reason
    monkeypatch.setenv(names.api_secret, good)
    assert run_job(account, "snapshot").success
    assert circuit.read(db, account.name) == Circuit()


@pytest.mark.parametrize(
    ("tag", "value"),
    [
        *((TIME_LIMIT, value) for value in ("nan", "-1", "1e999", "inf", "abc", "", "1" * 5000)),
        *((MODE, value) for value in ("", "Fill", "'; DROP TABLE alphapulse.trades; --")),
    ],
)
def test_a_tag_that_means_nothing_fails_the_run_with_a_sentence(
    make_account: Make, run_job: RunJob, tag: str, value: str
) -> None:
    account = make_account("http://127.0.0.1:9", history_start=HISTORY_START, datasets=["trades"])
    result = run_job(account, "history", tags=DAYS | {tag: value})
    assert failure_of(result).startswith(f"the run tag {tag} is ")


def test_a_session_that_does_not_open_is_tried_once_a_run(
    make_account: Make, run_job: RunJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = make_account("http://127.0.0.1:9", history_start=HISTORY_START)
    monkeypatch.delenv(account.environment.api_secret)
    opened = []

    def counted(*arguments: Any) -> Any:
        opened.append(arguments)
        return open_session(*arguments)

    monkeypatch.setattr("alphapulse_pipeline.components.resources.open_session", counted)
    result = run_job(account, "history", tags=DAYS)
    assert failure_of(result).count("BYBIT_API_SECRET not set") == len(HISTORIES)
    assert len(opened) == 1


def test_a_killed_database_is_no_silence(
    simulator: Simulator, make_account: Make, run_job: RunJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The account's lock dies with its connection: the run must not go on without it."""

    def cut_off(session: Any, dataset: str) -> Any:
        if dataset == "positions":
            with psycopg.connect(session.connection.info.dsn, autocommit=True) as other:
                pid = session.connection.info.backend_pid
                other.execute("SELECT pg_terminate_backend(%s)", [pid])
        return snapshot(session, dataset)

    monkeypatch.setattr("alphapulse_pipeline.components.snapshots.snapshot", cut_off)
    result = run_job(make_account(simulator.url), "snapshot")
    assert not result.success
    assert "bybit/positions: " in failure_of(result)
