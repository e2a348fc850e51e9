"""Each asset check fails on what it is there for, and on nothing else."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import dagster as dg
import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.components import checks
from alphapulse_pipeline.components.check import Check
from alphapulse_pipeline.components.checks import account_checks, checks_of, offenders
from alphapulse_pipeline.settings.accounts import Account, AccountSettings
from alphapulse_pipeline.warehouse import check_progress, deployed, keys, sync_log
from alphapulse_pipeline.warehouse.batches import Batch, Batches, Proof, TimeRange
from alphapulse_pipeline.warehouse.history_state import HistoryState
from alphapulse_pipeline.warehouse.writer import write
from alphapulse_pipeline_tests.bybit_datasets import DATASETS, HISTORIES, SNAPSHOTS
from alphapulse_pipeline_tests.components.tables import lines

NOW = datetime.now(UTC).replace(microsecond=0)
OLD = NOW - timedelta(days=30)
# snapshots of the time at which this module was imported are fresh for two hours
ACCOUNT = Account(
    "main",
    AccountSettings.model_validate(
        {"exchange": "bybit", "history_start": "2026-01-01", "snapshot_cron": "0 * * * *"}
    ),
)
WANTED = TimeRange(OLD, NOW)
CHECKS = checks_of([*SNAPSHOTS, *HISTORIES])

GOOD: dict[str, dict[str, Any]] = {
    "balances": {
        "wallet": "unified",
        "asset": "BTC",
        "used": Decimal(0),
        "total": Decimal(1),
        "debt": Decimal(0),
    },
    "positions": {
        "market": "BTC/USDT:USDT",
        "side": "long",
        "margin_mode": "cross",
        "contracts": Decimal(1),
    },
    "prices": {"market": "BTC/USDT", "last": Decimal(1)},
    "books": {
        "book": "UnifiedTradingAccount",
        "currency": "USD",
        "exchange_total": Decimal(1000),
        "read_total": Decimal(1001),
        "state": "read",
    },
    "trades": {
        "market": "BTC/USDT",
        "trade_id": "1",
        "side": "buy",
        "order_id": "o",
        "kind": "trade",
        "price": Decimal(1),
        "amount": Decimal(2),
        "cost": Decimal(2),
        "wallet": "unified",
        "raw": {},
        "executed_at": NOW - timedelta(hours=1),
    },
    "orders": {
        "market": "BTC/USDT",
        "order_id": "o",
        "status": "open",
        "side": "buy",
        "amount": Decimal(1),
        "filled": Decimal(0),
        "wallet": "unified",
        "raw": {},
        "created_at": NOW - timedelta(hours=1),
        "updated_at": NOW - timedelta(hours=1),
    },
    "transfers": {
        "kind": "deposit",
        "transfer_id": "1",
        "asset": "BTC",
        "amount": Decimal(1),
        "happened_at": NOW - timedelta(hours=1),
        "raw": {},
    },
    "funding": {
        "market": "BTC/USDT:USDT",
        "funding_id": "1",
        "asset": "USDT",
        "amount": Decimal(1),
        "happened_at": NOW - timedelta(hours=1),
        "wallet": "unified",
        "raw": {},
    },
    "conversions": {
        "kind": "convert",
        "conversion_id": "1",
        "wallet": "unified",
        "from_asset": "USDT",
        "from_amount": Decimal(2),
        "to_asset": "BTC",
        "to_amount": Decimal(1),
        "happened_at": NOW - timedelta(hours=1),
        "raw": {},
    },
    "ledger": {
        "wallet": "unified",
        "kind": "TRADE",
        "entry_id": "1",
        "asset": "BTC",
        "amount": Decimal(1),
        "happened_at": NOW - timedelta(hours=1),
        "raw": {},
    },
    "candles": {
        "market": "BTC/USDT",
        "day": "1",
        "opened_at": NOW - timedelta(hours=1),
        "close": Decimal(1),
        "raw": [],
    },
}


OURS = {"account", "captured_at", "run_id", "origin", "recorded_at"}


def put(db: Connection[TupleRow], dataset: str, *rows: dict[str, Any], at: datetime = NOW) -> None:
    """Store rows made of a good one; a snapshot's at the time `at`."""
    known = DATASETS[dataset]
    empty = {c: known.optional.get(c) for c in known.written if c not in OURS}
    full = [{**empty, **GOOD[dataset], **row} for row in rows]
    captured_at = at if dataset in SNAPSHOTS else None
    write(db, Batches("main", dataset, [Batch(full, captured_at=captured_at)]), "test")


def prove(db: Connection[TupleRow], dataset: str, proved: TimeRange, stream: str = "spot") -> None:
    with db.transaction():
        HistoryState(db, "main", dataset).prove(Proof(stream, proved))


@pytest.fixture
def good(db: Connection[TupleRow]) -> Connection[TupleRow]:
    """A database in which everything is as it should be."""
    deployed.register(db, "main", "bybit", [(d, True, None) for d in (*SNAPSHOTS, *HISTORIES)])
    keys.store(db, "main", "a key", True, False, False, None, [])
    for dataset in GOOD:
        put(db, dataset, {})
    for dataset in HISTORIES:
        HistoryState(db, "main", dataset).want([("spot", "test")], WANTED)
        prove(db, dataset, WANTED)
    return db


def failing(db: Connection[TupleRow]) -> dict[tuple[str, str], dg.AssetCheckResult]:
    """The checks that fail, by dataset and name."""
    found = {}
    for check in CHECKS:
        with db.transaction():
            result = checks.result(db, ACCOUNT, check, "a run that only checks")
        if not result.passed:
            found[check.dataset, check.name] = result
    return found


def test_all_pass_on_good_data_and_all_run_in_dagster(good: Connection[TupleRow]) -> None:
    definitions = dg.Definitions(
        asset_checks=account_checks(ACCOUNT, list(SNAPSHOTS), tuple(HISTORIES)),
        jobs=[dg.define_asset_job("checks", selection=dg.AssetSelection.all_asset_checks())],
    )
    ran = definitions.resolve_job_def("checks").execute_in_process()
    evaluations = ran.get_asset_check_evaluations()
    assert {(e.asset_key.path[-1], e.check_name) for e in evaluations} == {
        (check.dataset, check.name) for check in CHECKS
    }
    assert all(evaluation.passed for evaluation in evaluations)
    assert failing(good) == {}


LATER = NOW + timedelta(hours=1)
BAD: list[tuple[tuple[str, str], dict[str, Any]]] = [
    (("balances", "no_debt_twice"), {"asset": "ETH", "total": Decimal(-2), "debt": Decimal(2)}),
    (("balances", "no_debt_twice"), {"asset": "ETH", "debt": Decimal(-1)}),
    (("books", "books_complete"), {"state": "unread", "read_total": Decimal(0)}),
    (("books", "books_complete"), {"read_total": Decimal(900)}),
    (("trades", "keys_unique"), {"market": "XBT/USDT"}),
    (("trades", "times_sane"), {"trade_id": "2", "executed_at": LATER}),
    (("trades", "times_sane"), {"trade_id": "2", "executed_at": datetime(1970, 1, 1, tzinfo=UTC)}),
    (("orders", "keys_unique"), {"market": "XBT/USDT"}),
    (("orders", "times_sane"), {"order_id": "2", "created_at": LATER, "updated_at": LATER}),
    (("orders", "times_sane"), {"order_id": "2", "updated_at": NOW - timedelta(days=9)}),
    (("transfers", "keys_unique"), {"kind": "transfer"}),
    (("transfers", "times_sane"), {"transfer_id": "2", "happened_at": LATER}),
    (("funding", "keys_unique"), {"market": "XBT/USDT:USDT"}),
    (("funding", "times_sane"), {"funding_id": "2", "happened_at": LATER}),
    (("ledger", "keys_unique"), {"kind": "trade"}),
    (("ledger", "keys_unique"), {"wallet": "funding"}),
    (("ledger", "times_sane"), {"entry_id": "2", "happened_at": LATER}),
    (("candles", "keys_unique"), {"day": "2"}),
    (("candles", "times_sane"), {"day": "2", "opened_at": LATER}),
]
GOOD_TOO: list[tuple[str, dict[str, Any]]] = [
    ("trades", {"side": "sell"}),
    ("trades", {"market": "ETH/USDT", "price": Decimal(3)}),
    ("transfers", {"kind": "withdrawal", "asset": "ETH"}),
    ("funding", {"market": "ETH/USDT:USDT", "amount": Decimal(-1)}),
    ("ledger", {"kind": "FEE", "amount": Decimal(-1)}),
    ("candles", {"market": "ETH/USDT"}),
]


@pytest.mark.parametrize(("check", "row"), BAD)
def test_a_bad_row_fails_its_check_alone(
    good: Connection[TupleRow], check: tuple[str, str], row: dict[str, Any]
) -> None:
    dataset = check[0]
    put(good, dataset, row, at=NOW + timedelta(seconds=1))
    found = failing(good)
    assert set(found) == {check}
    assert found[check].severity is dg.AssetCheckSeverity.ERROR
    assert found[check].metadata["found"].value == 1


def test_a_negative_total_needs_no_debt(good: Connection[TupleRow]) -> None:
    put(good, "balances", {"total": Decimal(-1), "debt": Decimal(0)}, at=NOW + timedelta(seconds=1))
    assert failing(good) == {}


@pytest.mark.parametrize("dataset", SNAPSHOTS)
def test_an_old_snapshot_is_not_fresh(db: Connection[TupleRow], dataset: str) -> None:
    deployed.register(db, "main", "bybit", [(d, True, None) for d in SNAPSHOTS])
    for name in SNAPSHOTS:
        age = timedelta(minutes=122 if name == dataset else 120)
        put(db, name, {}, at=datetime.now(UTC) - age)
    fresh = {key for key in failing(db) if key[1] == "fresh" and key[0] in SNAPSHOTS}
    assert fresh == {(dataset, "fresh")}


def test_prices_from_the_future(good: Connection[TupleRow]) -> None:
    put(good, "prices", {}, at=NOW + timedelta(hours=1))
    assert set(failing(good)) == {("prices", "times_sane")}


@pytest.mark.parametrize(("dataset", "row"), GOOD_TOO)
def test_what_is_alike_but_not_the_same_is_good(
    good: Connection[TupleRow], dataset: str, row: dict[str, Any]
) -> None:
    put(good, dataset, row)
    assert failing(good) == {}


@pytest.mark.parametrize("dataset", HISTORIES)
def test_a_gap_is_an_error_where_it_failed_and_a_warning_where_it_waits(
    good: Connection[TupleRow], dataset: str
) -> None:
    check = (dataset, "complete")
    wanted = TimeRange(OLD - timedelta(days=1), NOW)
    HistoryState(good, "main", dataset).want([("spot", "test"), ("linear", "test")], wanted)
    prove(good, dataset, wanted, "linear")
    found = failing(good)
    assert set(found) == {check}
    assert found[check].severity is dg.AssetCheckSeverity.WARN
    HistoryState(good, "main", dataset).record_failure("failed: the exchange cannot be reached")
    HistoryState(good, "main", dataset).want([("option", "test")], WANTED)
    found = failing(good)
    assert set(found) == {check}
    assert found[check].severity is dg.AssetCheckSeverity.ERROR
    metadata = found[check].metadata
    assert metadata["found"].value == 2
    assert metadata["streams"].value == "spot, option"
    first, second = lines(metadata["examples"])
    assert "cannot be reached" in first
    assert f"{wanted.start:%Y-%m-%d %H:%M:%S}" in first
    assert "never asked" in second


def test_what_is_younger_than_two_intervals_is_no_gap(good: Connection[TupleRow]) -> None:
    state = HistoryState(good, "main", "trades")
    now = datetime.now(UTC)
    for minutes, passes in ((29, True), (33, False)):
        state.want([("linear", "test")], TimeRange(OLD, now))
        prove(good, "trades", TimeRange(OLD, now - timedelta(minutes=minutes)), "linear")
        assert (failing(good) == {}) is passes
        good.execute("DELETE FROM alphapulse.coverage WHERE stream = 'linear'")


def test_a_history_that_is_loading_passes_and_says_how_far_it_is(
    good: Connection[TupleRow],
) -> None:
    [check] = [c for c in CHECKS if (c.dataset, c.name) == ("trades", "complete")]

    def found() -> dg.AssetCheckResult:
        with good.transaction():
            return checks.result(good, ACCOUNT, check, "a run that only checks")

    state = HistoryState(good, "main", "trades")
    state.want([("spot", "test")], TimeRange(OLD - (NOW - OLD), NOW))
    assert not found().passed
    attempt = sync_log.start(good, "main", "trades", "run")
    assert found().passed
    assert found().description == found().metadata["reason"].value == "loading, 50 %"
    sync_log.fail(good, attempt, 0, 1, "transient", "cannot be reached")
    assert not found().passed
    assert "never asked" in str(found().description)
    sync_log.start(good, "main", "trades", "run")
    good.execute("UPDATE alphapulse.sync_log SET started_at = now() - interval '1 hour'")
    assert not found().passed


@pytest.mark.parametrize("dataset", HISTORIES)
def test_a_history_of_products_that_the_account_lacks_is_complete_once_synced(
    good: Connection[TupleRow], dataset: str
) -> None:
    good.execute(b"DELETE FROM alphapulse.streams WHERE dataset = %s", [dataset])
    assert set(failing(good)) == {(dataset, "complete"), (dataset, "fresh")}
    entry = sync_log.start(good, "main", dataset, "a run")
    with good.cursor() as cursor:
        sync_log.succeed(cursor, entry, 0, 1)
    assert failing(good) == {}
    good.execute(b"UPDATE alphapulse.sync_log SET finished_at = now() - interval '26 hours'")
    assert set(failing(good)) == {(dataset, "complete"), (dataset, "fresh")}


@pytest.mark.parametrize("dataset", HISTORIES)
def test_what_the_exchange_no_longer_serves_is_a_warning_with_its_reason(
    good: Connection[TupleRow], dataset: str
) -> None:
    wanted = TimeRange(OLD - timedelta(days=1), NOW)
    HistoryState(good, "main", dataset).want([("spot", "test")], wanted)
    lost = TimeRange(OLD - timedelta(days=9), NOW)  # more than is wanted, and partly covered
    reason = "the exchange serves 30 days"
    HistoryState(good, "main", dataset).mark_unreachable("spot", lost, reason)
    found = failing(good)
    assert set(found) == {(dataset, "reachable")}
    check = found[dataset, "reachable"]
    assert check.severity is dg.AssetCheckSeverity.WARN
    assert f"alphapulse import ACCOUNT {dataset}" in str(check.metadata["hint"].value)
    (line,) = lines(check.metadata["examples"])
    assert f"{wanted.start:%Y-%m-%d %H:%M:%S}" in line
    assert f"{OLD:%Y-%m-%d %H:%M:%S}" in line
    assert reason in line


@pytest.mark.parametrize("dataset", HISTORIES)
def test_a_stream_that_is_no_longer_asked_for_is_stale(
    good: Connection[TupleRow], dataset: str
) -> None:
    names = [f"S{number}" for number in range(7)]
    asked = TimeRange(OLD, NOW - timedelta(hours=26))
    HistoryState(good, "main", dataset).want([(name, "test") for name in names], asked)
    for name in names:
        prove(good, dataset, asked, name)
    found = failing(good)
    assert set(found) == {(dataset, "fresh")}
    check = found[dataset, "fresh"]
    assert check.severity is dg.AssetCheckSeverity.ERROR
    assert check.metadata["found"].value == 7
    assert check.metadata["streams"].value == "S0, S1, S2, S3, S4 and 2 more"
    HistoryState(good, "main", dataset).want(
        [(n, "test") for n in names], TimeRange(OLD, asked.end)
    )
    assert set(failing(good)) == {(dataset, "fresh")}
    HistoryState(good, "main", dataset).want([(n, "test") for n in names], WANTED)
    assert (dataset, "fresh") not in failing(good)


def test_a_history_that_was_never_asked_for_is_neither_complete_nor_fresh(
    db: Connection[TupleRow],
) -> None:
    found = failing(db)
    for dataset in HISTORIES:
        for check in ("complete", "fresh"):
            assert found[dataset, check].severity is dg.AssetCheckSeverity.WARN
        assert (dataset, "reachable") not in found


def rows_read(db: Connection[TupleRow], check: Check, run_id: str) -> int:
    """How many rows of its table a check reads, by PostgreSQL's own count."""

    def count() -> int:
        row = db.execute(
            "SELECT coalesce(sum(seq_tup_read + idx_tup_fetch), 0)"
            " FROM pg_stat_xact_user_tables WHERE relid = %s::regclass",
            [f"alphapulse.{check.dataset}"],
        ).fetchone()
        assert row
        return int(row[0])

    with db.transaction():
        before = count()
        assert offenders(db, ACCOUNT, check, run_id)[2] == 0
        return count() - before


READING = [check for check in CHECKS if check.reads_rows]


@pytest.mark.parametrize("check", READING, ids=lambda c: f"{c.dataset} {c.name}")
def test_a_run_reads_what_it_wrote_and_a_person_reads_all(
    good: Connection[TupleRow], check: Check
) -> None:
    dataset = HISTORIES[check.dataset]
    own = {"trades": "trade_id", "candles": "market"}.get(check.dataset, dataset.key[-1])

    def add(name: str, times: Sequence[datetime]) -> None:
        rows = [{own: f"{name}{n}", dataset.time: time} for n, time in enumerate(times)]
        later = {dataset.newest_by: NOW} if dataset.newest_by else {}
        put(good, check.dataset, *(row | later for row in rows))

    # whether a time is sane, an index answers as well
    everything = 3000 if check.name == "keys_unique" else 0
    add("old", [OLD + timedelta(minutes=n) for n in range(3000)])
    sync_log.start(good, "main", check.dataset, "first")
    assert rows_read(good, check, "first") >= everything, "what was never checked is read"
    with good.transaction():
        check_progress.passed(good, "main", check.dataset, check.name, "first")
    assert rows_read(good, check, "first") == 0
    sync_log.start(good, "main", check.dataset, "second")
    add("new", [NOW] * 3)
    # each of three finds itself and the other two, by their time
    assert rows_read(good, check, "second") <= 3 + 3 * 3
    assert rows_read(good, check, "somebody's") >= everything


@pytest.mark.parametrize("dataset", HISTORIES)
def test_what_a_run_finds_stays_found_until_it_is_fixed(
    good: Connection[TupleRow], dataset: str
) -> None:
    """The duplicate was recorded in one run; those after it must not call it good."""
    check = next(c for c in CHECKS if (c.dataset, c.name) == (dataset, "keys_unique"))
    name = HISTORIES[dataset].stored_under[0]

    def passes(run_id: str) -> bool:
        sync_log.start(good, "main", dataset, run_id)
        with good.transaction():
            return checks.result(good, ACCOUNT, check, run_id).passed

    assert passes("first")
    put(good, dataset, {name: "other"})
    assert not passes("second")
    assert not passes("third")
    good.execute(f"DELETE FROM alphapulse.{dataset} WHERE {name} = 'other'")
    assert passes("fourth")
    put(good, dataset, {name: "other"})
    assert not passes("fifth")


def test_another_accounts_rows_do_not_collide(good: Connection[TupleRow]) -> None:
    empty = {c: None for c in DATASETS["trades"].written if c not in OURS}
    row = {**empty, **GOOD["trades"], "market": "XBT/USDT"}
    write(good, Batches("other", "trades", [Batch([row])]), "test")
    assert failing(good) == {}
