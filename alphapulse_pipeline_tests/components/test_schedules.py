"""Schedules: what they ask for, and why they skip."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta

import dagster as dg
import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.components.exchange_account import account_definitions
from alphapulse_pipeline.components.histories import MODE, TIME_LIMIT
from alphapulse_pipeline.components.jobs import ACCOUNT
from alphapulse_pipeline.components.resources import key_and_rules
from alphapulse_pipeline.components.time_limits import MAX_RUNTIME
from alphapulse_pipeline.datasets import HISTORIES
from alphapulse_pipeline.exchange.client_config import client_config
from alphapulse_pipeline.exchange.errors import ExchangeFailure, Kind
from alphapulse_pipeline.health import circuit
from alphapulse_pipeline.settings.accounts import Account
from alphapulse_pipeline.settings.environment import POSTGRES_URL
from alphapulse_pipeline.warehouse.batches import Proof, TimeRange
from alphapulse_pipeline.warehouse.connection import account_lock
from alphapulse_pipeline.warehouse.history_state import HistoryState

Make = Callable[..., Account]
START = "dagster/asset_partition_range_start"
END = "dagster/asset_partition_range_end"


@pytest.fixture
def quick() -> Iterator[dg.DagsterInstance]:
    """An instance of files, which is there at once: what a schedule asks of it is the same."""
    with dg.instance_for_test() as instance:
        yield instance


def evaluate(
    account: Account, kind: str, instance: dg.DagsterInstance
) -> tuple[str | None, dict[str, str]]:
    """Why a tick skipped, and the tags of what it asked for."""
    repository = account_definitions(account).get_repository_def()
    schedule = repository.get_schedule_def(f"{account.name}_{kind}")
    context = dg.build_schedule_context(
        instance=instance,
        scheduled_execution_time=datetime.now(UTC),
        repository_def=repository,
    )
    data = schedule.evaluate_tick(context)
    if data.run_requests:
        (request,) = data.run_requests
        return None, dict(request.tags)
    return data.skip_message, {}


def day(days_ago: int) -> str:
    return f"{datetime.now(UTC) - timedelta(days=days_ago):%Y-%m-%d}"


def test_an_unset_variable_is_named(
    make_account: Make, monkeypatch: pytest.MonkeyPatch, quick: dg.DagsterInstance
) -> None:
    account = make_account("http://127.0.0.1:9")
    monkeypatch.delenv("BYBIT_API_SECRET")
    reason, _ = evaluate(account, "snapshot", quick)
    assert reason == ("bybit: BYBIT_API_SECRET not set; export a read-only key or add it to .env")


def test_a_database_that_is_not_named_is_a_reason(
    make_account: Make, monkeypatch: pytest.MonkeyPatch, quick: dg.DagsterInstance
) -> None:
    monkeypatch.delenv(POSTGRES_URL, raising=False)
    reason, _ = evaluate(make_account("http://127.0.0.1:9"), "snapshot", quick)
    assert reason is not None
    assert reason.startswith(f"{POSTGRES_URL} is not set; set it to postgresql://")


@pytest.mark.parametrize("kind", ["snapshot", "history", "catch_up"])
def test_a_lock_that_is_held_is_a_reason(
    kind: str, make_account: Make, db: Connection[TupleRow], quick: dg.DagsterInstance
) -> None:
    account = make_account("http://127.0.0.1:9")
    with account_lock(db, account.name):
        reason, _ = evaluate(account, kind, quick)
    assert reason == "bybit: a different process is syncing it"
    assert evaluate(account, kind, quick)[0] is None


@pytest.mark.parametrize("kind", ["snapshot", "history", "catch_up"])
def test_an_open_circuit_is_a_reason(
    kind: str, make_account: Make, db: Connection[TupleRow], quick: dg.DagsterInstance
) -> None:
    account = make_account("http://127.0.0.1:9")
    banned = ExchangeFailure(Kind.BANNED, "banned", "wait until it is over")
    circuit.settle(db, account.name, "run", banned)
    reason, _ = evaluate(account, kind, quick)
    assert reason is not None
    assert reason.startswith("schedules skip bybit until 20")
    assert "wait until it is over. To retry now" in reason
    circuit.reset(db, account.name)
    assert evaluate(account, kind, quick)[0] is None


def test_other_credentials_than_the_refused_ones_are_tried_at_once(
    make_account: Make,
    db: Connection[TupleRow],
    quick: dg.DagsterInstance,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    account = make_account("http://127.0.0.1:9")
    refused = ExchangeFailure(Kind.CREDENTIALS, "the secret is wrong", "check it")
    used = key_and_rules(account, client_config(account, "").fingerprint)
    circuit.settle(db, account.name, "run", refused, credentials=used)
    assert "schedules skip bybit" in str(evaluate(account, "snapshot", quick)[0])
    for allowed in ("allow_trading_keys", "allow_unknown_rights"):
        more = make_account("http://127.0.0.1:9", **{allowed: True})
        assert evaluate(more, "snapshot", quick)[0] is None
    monkeypatch.setenv(account.environment.api_secret, "another")
    assert evaluate(account, "snapshot", quick)[0] is None
    # a ban applies to any credentials
    banned = ExchangeFailure(Kind.BANNED, "banned", "wait")
    circuit.settle(db, account.name, "run", banned, credentials=used)
    assert "schedules skip bybit" in str(evaluate(account, "snapshot", quick)[0])


def test_a_run_that_has_not_ended_is_a_reason(
    make_account: Make, database: str, quick: dg.DagsterInstance
) -> None:
    account = make_account("http://127.0.0.1:9")
    run = quick.create_run_for_job(
        account_definitions(account).resolve_job_def("bybit_history"),
        status=dg.DagsterRunStatus.STARTED,
        tags={ACCOUNT: account.name},
    )
    short = run.run_id[:8]
    history, _ = evaluate(account, "history", quick)
    assert history == f"run {short} of bybit_history has not ended yet"
    catch_up, _ = evaluate(account, "catch_up", quick)
    assert catch_up == f"bybit: run {short} of a different job is in progress"
    assert evaluate(account, "snapshot", quick)[0] is None  # it queues: nothing starves it
    quick.report_run_failed(run)
    assert evaluate(account, "history", quick)[0] is None


def test_what_each_schedule_asks_for(
    make_account: Make, database: str, quick: dg.DagsterInstance
) -> None:
    account = make_account("http://127.0.0.1:9", history_start=date(2026, 1, 1))
    _, snapshot = evaluate(account, "snapshot", quick)
    assert START not in snapshot
    _, history = evaluate(account, "history", quick)
    assert (history[START], history[END], history[MODE]) == (day(1), day(0), "fill")
    _, catch_up = evaluate(account, "catch_up", quick)
    # a new account: its newest days are read within a minute, whenever its histories are due
    assert (catch_up[START], catch_up[END], catch_up[MODE]) == (day(29), day(0), "fill")
    assert int(catch_up[TIME_LIMIT]) <= 300
    assert history[MAX_RUNTIME] == catch_up[MAX_RUNTIME] == "1800"


def test_catch_up_takes_the_newest_gap(
    make_account: Make, db: Connection[TupleRow], quick: dg.DagsterInstance
) -> None:
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    account = make_account("http://127.0.0.1:9", history_start=(today - timedelta(days=90)).date())
    wanted = TimeRange(today - timedelta(days=90), today)
    state = HistoryState(db, account.name, "trades")
    state.want([("spot", "test")], wanted)
    known = TimeRange(today - timedelta(days=10), today)
    state.prove(Proof("spot", known))
    _, tags = evaluate(account, "catch_up", quick)
    assert (tags[START], tags[END]) == (day(40), day(11))
    state.prove(Proof("spot", wanted))
    reason, _ = evaluate(account, "catch_up", quick)
    assert reason == "bybit has no older gaps in its histories"


def test_an_account_that_begins_today(
    make_account: Make, db: Connection[TupleRow], quick: dg.DagsterInstance
) -> None:
    today = datetime.now(UTC).date()
    account = make_account("http://127.0.0.1:9", history_start=today)
    _, history = evaluate(account, "history", quick)
    assert (history[START], history[END]) == (day(0), day(0))
    _, catch_up = evaluate(account, "catch_up", quick)
    assert (catch_up[START], catch_up[END]) == (day(0), day(0))
    now = datetime.now(UTC)
    HistoryState(db, account.name, "trades").want([("spot", "test")], TimeRange(now, now))
    reason, _ = evaluate(account, "catch_up", quick)
    assert reason == "bybit has no older gaps in its histories"


def test_histories_have_no_more_time_than_until_their_next_tick(
    make_account: Make, database: str, quick: dg.DagsterInstance
) -> None:
    account = make_account("http://127.0.0.1:9", history_cron="* * * * *")
    for kind in ("history", "catch_up"):
        _, tags = evaluate(account, kind, quick)
        assert int(tags[TIME_LIMIT]) * len(HISTORIES) <= 60
