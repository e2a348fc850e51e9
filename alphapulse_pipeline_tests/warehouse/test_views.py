"""What people query: the views follow the facts, and say what is not known."""

import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow, dict_row

from alphapulse_pipeline.datasets.values import Row
from alphapulse_pipeline.warehouse import deployed, stored_markets, sync_log
from alphapulse_pipeline.warehouse.batches import Batch, Batches, Proof, TimeRange
from alphapulse_pipeline.warehouse.connection import account_is_busy, account_lock, connect
from alphapulse_pipeline.warehouse.history_state import HistoryState
from alphapulse_pipeline.warehouse.writer import write
from alphapulse_pipeline_tests.warehouse.rows import T0, at, balance, order, trade

DB = Connection[TupleRow]
DAY = TimeRange(at(0), at(86400))


def status(db: DB, dataset: str = "trades") -> dict[str, Any]:
    found = (
        db.cursor(row_factory=dict_row)
        .execute(
            "SELECT * FROM alphapulse.sync_status WHERE account = 'bybit' AND dataset = %s",
            [dataset],
        )
        .fetchone()
    )
    assert found
    return found


@pytest.fixture(autouse=True)
def registered(db: DB) -> None:
    deployed.register(
        db,
        "bybit",
        "bybit",
        [("trades", True, at(9)), ("balances", True, None), ("ledger", False, None)],
    )


def test_before_anything_was_done(db: DB) -> None:
    assert status(db) == {
        "account": "bybit", "dataset": "trades", "exchange": "bybit", "status": "pending",
        "last_success": None, "last_attempt": None, "next_tick": at(9), "rows": 0,
        "coverage": None, "gaps": None, "circuit": "closed", "error_kind": None, "error": None,
        "unreachable": None, "stale": None, "not_enabled": None, "rejected": 0,
    }  # fmt: skip
    assert status(db, "ledger")["status"] == "unsupported"


def test_started_is_in_progress_only_while_the_lock_is_held(database: str, db: DB) -> None:
    with connect(database) as other:
        with account_lock(other, "bybit"):
            sync_log.start(db, "bybit", "trades", "run")
            assert account_is_busy(db, "bybit")
            assert not account_is_busy(db, "okx")
            assert status(db)["status"] == "in progress"
            assert status(db)["error_kind"] is None
            # somebody else's lock says nothing about this account
            deployed.register(db, "okx", "okx", [("trades", True, None)])
            sync_log.start(db, "okx", "trades", "run")
            row = db.execute("SELECT status FROM alphapulse.sync_status WHERE account = 'okx'")
            assert row.fetchone() == ("failed",)
        assert not account_is_busy(db, "bybit")
    died = status(db)
    assert (died["status"], died["error_kind"]) == ("failed", "died")
    assert died["error"] == "the run died: its process ended without reporting an error"


def test_a_lock_in_another_database_means_nothing_here(server: Any, db: DB) -> None:
    sync_log.start(db, "bybit", "trades", "run")
    with connect(server.url("postgres")) as elsewhere, account_lock(elsewhere, "bybit"):
        assert status(db)["status"] == "failed"
        assert not account_is_busy(db, "bybit")


def test_completed_and_failed(db: DB) -> None:
    log_id = sync_log.start(db, "bybit", "trades", "run")
    write(db, Batches("bybit", "trades", [Batch([trade()])], log_id=log_id), "run")
    good = status(db)
    assert (good["status"], good["rows"], good["error"]) == ("completed", 1, None)
    sync_log.fail(db, sync_log.start(db, "bybit", "trades", "run"), 0, 1, "transient", "no answer")
    bad = status(db)
    assert (bad["status"], bad["error_kind"], bad["error"]) == ("failed", "transient", "no answer")
    assert bad["last_success"] == good["last_success"] is not None
    assert bad["last_attempt"] > good["last_attempt"]


def left_alone_for(db: DB, minutes: int) -> None:
    db.execute("TRUNCATE alphapulse.circuit")
    db.execute(
        "INSERT INTO alphapulse.circuit (account, state, failures, opened_at, retry_at, reason)"
        " VALUES ('bybit', 'open', 3, now(), now() + %s * interval '1 minute', 'a bad key')",
        [minutes],
    )


def test_what_is_left_alone_is_skipped_until_the_next_trial(db: DB) -> None:
    left_alone_for(db, 10)
    skipped = status(db)
    assert (skipped["circuit"], skipped["status"]) == ("open", "skipped")
    assert skipped["error"] == "the circuit breaker is open: a bad key"
    assert skipped["next_tick"] > datetime.now(UTC)
    assert status(db, "ledger")["status"] == "unsupported"
    left_alone_for(db, -1)
    assert status(db)["status"] == "pending"


def test_what_failed_stays_failed_while_the_account_is_left_alone(db: DB) -> None:
    left_alone_for(db, 10)
    sync_log.fail(db, sync_log.start(db, "bybit", "trades", "run"), 0, 1, "transient", "no answer")
    assert (status(db)["status"], status(db)["error"]) == ("failed", "no answer")


def test_an_account_that_is_not_deployed_any_more_keeps_its_rows_and_says_so(db: DB) -> None:
    log_id = sync_log.start(db, "bybit", "trades", "run")
    write(db, Batches("bybit", "trades", [Batch([trade()])], log_id=log_id), "run")
    deployed.retire(db, ["okx"])
    gone = status(db)
    assert (gone["status"], gone["rows"], gone["next_tick"]) == ("skipped", 1, None)
    assert gone["error"].startswith("the account is no longer deployed: its rows are kept")
    deployed.register(db, "bybit", "bybit", [("trades", True, at(9))])
    assert status(db)["status"] == "completed"
    assert status(db, "balances")["status"] == "skipped"


def test_coverage_never_rounds_a_gap_away(db: DB) -> None:
    HistoryState(db, "bybit", "trades").want([("spot", "x"), ("linear", "x")], DAY)
    assert (status(db)["coverage"], status(db)["gaps"]) == (Decimal(0), 2)
    with db.transaction():
        HistoryState(db, "bybit", "trades").prove(Proof("spot", DAY))
        nearly = TimeRange(at(0), at(86399.999))
        HistoryState(db, "bybit", "trades").prove(Proof("linear", nearly))
    assert (status(db)["coverage"], status(db)["gaps"]) == (Decimal("0.9999"), 1)
    lost = TimeRange(at(86399), at(86400))
    HistoryState(db, "bybit", "trades").mark_unreachable("linear", lost, "too old")
    assert (status(db)["coverage"], status(db)["gaps"]) == (Decimal(1), 0)


def test_gaps_tell_why(db: DB) -> None:
    HistoryState(db, "bybit", "trades").want([("spot", "x"), ("linear", "x")], DAY)
    gaps = "SELECT stream, lower(gap), upper(gap), reason FROM alphapulse.coverage_gaps ORDER BY 1"
    assert db.execute(gaps).fetchall() == [
        ("linear", at(0), at(86400), "never asked"),
        ("spot", at(0), at(86400), "never asked"),
    ]
    with db.transaction():
        HistoryState(db, "bybit", "trades").prove(Proof("spot", DAY))
    HistoryState(db, "bybit", "trades").record_failure("incomplete: page 3 is missing")
    assert db.execute(gaps).fetchall() == [
        ("linear", at(0), at(86400), "incomplete: page 3 is missing")
    ]


def test_what_is_unreachable_is_no_gap_and_has_its_reason(db: DB) -> None:
    lost = "SELECT stream, lower(gap), upper(gap), reason FROM alphapulse.coverage_unreachable"
    HistoryState(db, "bybit", "trades").want([("spot", "x"), ("linear", "x")], DAY)
    assert (status(db)["gaps"], status(db)["unreachable"]) == (2, 0)
    older = TimeRange(at(-86400), at(50))  # begins before what is wanted
    HistoryState(db, "bybit", "trades").mark_unreachable("linear", older, "90 days are served")
    assert db.execute(lost).fetchall() == [("linear", at(0), at(50), "90 days are served")]
    assert (status(db)["gaps"], status(db)["unreachable"]) == (2, 1)
    with db.transaction():
        middle = TimeRange(at(10), at(20))
        HistoryState(db, "bybit", "trades").prove(Proof("linear", middle))
    assert status(db)["unreachable"] == 2
    HistoryState(db, "bybit", "trades").mark_unreachable("linear", older, "91 days are served")
    assert set(db.execute(lost).fetchall()) == {
        ("linear", at(0), at(10), "91 days are served"),
        ("linear", at(20), at(50), "91 days are served"),
    }
    assert set(db.execute("SELECT lower(gap) FROM alphapulse.coverage_gaps")) == {
        (at(0),), (at(50),)
    }  # fmt: skip


def test_a_stream_is_stale_a_day_after_it_was_last_asked_for(db: DB) -> None:
    now = datetime.now(UTC)
    for name, hours in (("spot", 24.9), ("linear", 25.1), ("option", 500)):
        asked = TimeRange(T0, now - timedelta(hours=hours))
        HistoryState(db, "bybit", "trades").want([(name, "x")], asked)
    # one that is so young that nothing is wanted of it yet was asked for nevertheless
    HistoryState(db, "bybit", "trades").want([("inverse", "x")], TimeRange(now, now))
    stale = db.execute("SELECT stream FROM alphapulse.streams_stale ORDER BY 1").fetchall()
    assert stale == [("linear",), ("option",)]
    assert status(db)["stale"] == 2
    HistoryState(db, "bybit", "trades").want([("linear", "x")], TimeRange(T0, now))
    assert status(db)["stale"] == 1


def test_a_stream_of_a_market_without_trading_is_stale_after_a_week(db: DB) -> None:
    now = datetime.now(UTC)
    for market, active in (("A/B", True), ("C/D", False)):
        row: Row = {"market": market, "raw_id": market, "type": "spot", "base": None, "quote": None}
        row |= {"settle": None, "contract_size": None, "active": active, "seen_at": now}
        stored_markets.store_markets(db, "bybit", [row])
    for days, stale in ((2, [("spot A/B",)]), (9, [("spot A/B",), ("spot C/D",)])):
        for name in ("spot A/B", "spot C/D"):
            db.execute("DELETE FROM alphapulse.streams WHERE stream = %s", [name])
            asked = TimeRange(T0, now - timedelta(days=days))
            HistoryState(db, "bybit", "trades").want([(name, "x")], asked)
        found = db.execute("SELECT stream FROM alphapulse.streams_stale ORDER BY 1").fetchall()
        assert found == stale


def test_the_newest_snapshot_decides(db: DB) -> None:
    def latest() -> set[tuple[Any, ...]]:
        rows = db.execute("SELECT account, asset, captured_at FROM alphapulse.balances_latest")
        return set(rows.fetchall())

    for second, assets in ((1, "AB"), (3, "B"), (2, "ABC")):  # one that comes late is not newer
        rows = [balance(asset) for asset in assets]
        write(db, Batches("bybit", "balances", [Batch(rows, captured_at=at(second))]), "run")
    write(db, Batches("okx", "balances", [Batch([balance("Z")], captured_at=at(1))]), "run")
    assert latest() == {("bybit", "B", at(3)), ("okx", "Z", at(1))}
    assert status(db, "balances")["rows"] == 1
    write(db, Batches("bybit", "balances", [Batch([], captured_at=at(4))]), "run")
    assert latest() == {("okx", "Z", at(1))}
    assert status(db, "balances")["rows"] == 0


def test_open_orders(db: DB) -> None:
    rows = [order(1), order(2, status="closed"), order(3, status="canceled")]
    write(db, Batches("bybit", "orders", [Batch(rows)]), "run")
    assert db.execute("SELECT order_id FROM alphapulse.orders_open").fetchall() == [("1",)]


def test_one_run_at_a_time(database: str, db: DB) -> None:
    with connect(database) as one, connect(database) as two, account_lock(one, "bybit"):
        two.execute("SET lock_timeout = '200ms'")
        with pytest.raises(Exception, match="lock timeout"), account_lock(two, "bybit"):
            raise AssertionError("the lock was given twice")
        with account_lock(two, "okx"):
            assert account_is_busy(db, "okx")
    with connect(database) as three, account_lock(three, "bybit"):
        pass


def test_the_lock_ends_with_its_connection(database: str, db: DB) -> None:
    connection = connect(database)
    with account_lock(connection, "bybit"):
        connection.close()  # as when its process is killed; leaving must not fail either
    deadline = time.monotonic() + 60  # the server notices in its own time
    while account_is_busy(db, "bybit"):
        assert time.monotonic() < deadline
