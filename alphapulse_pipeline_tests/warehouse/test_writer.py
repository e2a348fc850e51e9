"""Each batch commits its rows and coverage together; failures are recorded."""

import logging
from collections.abc import Generator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.warehouse import deployed, sync_log
from alphapulse_pipeline.warehouse.batches import Batch, Batches, Proof, TimeRange, Written
from alphapulse_pipeline.warehouse.connection import connect
from alphapulse_pipeline.warehouse.history_state import Gap, HistoryState
from alphapulse_pipeline.warehouse.merge import KeyCollision
from alphapulse_pipeline.warehouse.writer import STOPPED, write
from alphapulse_pipeline_tests.warehouse.rows import at, balance, order, trade

DB = Connection[TupleRow]
DAY = TimeRange(at(0), at(86400))


class Refused(Exception):
    kind = "credentials"


def days(*hours: tuple[int, int], stream: str = "spot") -> list[Batch]:
    """A batch per range of hours, a trade in each."""
    return [
        Batch(
            [trade(start, executed_at=at(start * 3600))],
            [Proof(stream, TimeRange(at(start * 3600), at(end * 3600)))],
        )
        for start, end in hours
    ]


def failing(batches: Sequence[Batch], error: BaseException) -> Generator[Batch, None, None]:
    yield from batches
    raise error


def attempt(db: DB) -> tuple[Any, ...]:
    row = db.execute(
        "SELECT status, rows_written, requests, error_kind, error, finished_at IS NOT NULL"
        " FROM alphapulse.sync_log"
    ).fetchone()
    assert row
    return row


def one(db: DB, query: str) -> Any:
    row = db.execute(query.encode()).fetchone()
    assert row
    return row[0]


@pytest.fixture
def log_id(db: DB) -> int:
    deployed.register(db, "bybit", "bybit", [("trades", True, None), ("balances", True, None)])
    HistoryState(db, "bybit", "trades").want([("spot", "test")], DAY)
    return sync_log.start(db, "bybit", "trades", "run")


def test_rows_coverage_and_log(db: DB, log_id: int) -> None:
    source = Batches("bybit", "trades", days((12, 24), (0, 12)), log_id=log_id, requests=lambda: 7)
    assert write(db, source, "run") == Written(inserted=2)
    assert HistoryState(db, "bybit", "trades").gaps(DAY) == []
    assert attempt(db) == ("completed", 2, 7, None, None, True)
    assert one(db, "SELECT stored FROM alphapulse.datasets WHERE dataset = 'trades'") == 2
    write(db, Batches("bybit", "trades", days((12, 24), (0, 12))), "run")
    assert one(db, "SELECT stored FROM alphapulse.datasets WHERE dataset = 'trades'") == 2


@pytest.mark.parametrize(
    ("error", "kind", "text"),
    [
        (Refused("no such key; check it"), "credentials", "no such key; check it"),
        (KeyError("oops"), "bug", "'oops'"),
        (KeyboardInterrupt(), "interrupted", STOPPED),
    ],
)
def test_batches_before_a_failure_stay(
    db: DB, log_id: int, error: BaseException, kind: str, text: str
) -> None:
    source = Batches("bybit", "trades", failing(days((12, 24)), error), log_id=log_id)
    with pytest.raises(type(error)):
        write(db, source, "run")
    assert one(db, "SELECT array_agg(trade_id) FROM alphapulse.trades") == ["12"]
    half = TimeRange(at(0), at(43200))
    assert HistoryState(db, "bybit", "trades").gaps(DAY) == [Gap("spot", half)]
    assert attempt(db) == ("failed", 1, 0, kind, text, True)
    assert one(db, "SELECT last_failure FROM alphapulse.coverage") == f"failed: {text}"
    assert one(db, "SELECT reason FROM alphapulse.coverage_gaps") == f"failed: {text}"


def test_a_batch_that_fails_leaves_neither_rows_nor_coverage(db: DB, log_id: int) -> None:
    good, bad = days((12, 24), (0, 12))
    rows = [*bad.rows, trade("x"), trade("x", price=Decimal(1))]
    source = Batches("bybit", "trades", [good, Batch(rows, bad.proofs)], log_id=log_id)
    with pytest.raises(KeyCollision):
        write(db, source, "run")
    assert one(db, "SELECT array_agg(trade_id) FROM alphapulse.trades") == ["12"]
    half = TimeRange(at(0), at(43200))
    assert HistoryState(db, "bybit", "trades").gaps(DAY) == [Gap("spot", half)]
    assert one(db, "SELECT stored FROM alphapulse.datasets WHERE dataset = 'trades'") == 1


def test_coverage_that_cannot_be_written_takes_its_rows_with_it(db: DB, log_id: int) -> None:
    db.execute("ALTER TABLE alphapulse.coverage ADD CHECK (isempty(covered * tstzmultirange("
               "tstzrange('2026-09-01', '2026-09-01 06:00'))))")  # fmt: skip
    with pytest.raises(psycopg.errors.CheckViolation):
        write(db, Batches("bybit", "trades", days((12, 24), (0, 12)), log_id=log_id), "run")
    assert one(db, "SELECT array_agg(trade_id) FROM alphapulse.trades") == ["12"]
    assert attempt(db)[:2] == ("failed", 1)


def test_the_next_success_clears_the_failure(db: DB, log_id: int) -> None:
    HistoryState(db, "bybit", "trades").record_failure("failed: x")
    write(db, Batches("bybit", "trades", days((0, 24))), "run")
    assert one(db, "SELECT last_failure FROM alphapulse.coverage") is None


def test_incomplete_is_called_so(db: DB, log_id: int) -> None:
    error = Refused("page 2 is missing")
    error.kind = "incomplete"
    with pytest.raises(Refused):
        write(db, Batches("bybit", "trades", failing([], error), log_id=log_id), "run")
    reason = one(db, "SELECT reason FROM alphapulse.coverage_gaps")
    assert reason == "incomplete: page 2 is missing"


def test_secrets_are_not_stored(db: DB, log_id: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BYBIT_API_SECRET", "hunter2hunter2")
    error = Refused("signed with hunter2hunter2")
    with pytest.raises(Refused):
        write(db, Batches("bybit", "trades", failing([], error), log_id=log_id), "run")
    assert "hunter2" not in attempt(db)[4]
    assert "hunter2" not in one(db, "SELECT last_failure FROM alphapulse.coverage")


def test_the_source_is_closed_when_the_writer_fails(db: DB, log_id: int) -> None:
    closed = []

    def source() -> Generator[Batch, None, None]:
        try:
            yield Batch([trade("x"), trade("x", price=Decimal(1))])
            raise AssertionError("never asked for")
        finally:
            closed.append(True)

    with pytest.raises(KeyCollision):
        write(db, Batches("bybit", "trades", source(), log_id=log_id), "run")
    assert closed == [True]


def test_losing_the_database_hides_no_error(
    database: str, db: DB, log_id: int, caplog: pytest.LogCaptureFixture
) -> None:
    connection = connect(database)

    def source() -> Generator[Batch, None, None]:
        db.execute("SELECT pg_terminate_backend(%s)", [connection.info.backend_pid])
        raise Refused("the first failure")
        yield

    with caplog.at_level(logging.ERROR), pytest.raises(Refused, match="the first failure"):
        write(connection, Batches("bybit", "trades", source(), log_id=log_id), "run")
    assert "bybit/trades" in caplog.text


def snapshot(captured_at: datetime, *rows: dict[str, Any]) -> Batches:
    return Batches("bybit", "balances", [Batch(rows, captured_at=captured_at)])


def test_an_empty_snapshot_is_stored(db: DB) -> None:
    write(db, snapshot(at(1), balance("BTC"), balance("ETH")), "run")
    assert one(db, "SELECT count(*) FROM alphapulse.balances_latest") == 2
    write(db, snapshot(at(2)), "run")
    assert one(db, "SELECT count(*) FROM alphapulse.balances_latest") == 0
    assert one(db, "SELECT count(*) FROM alphapulse.balances") == 2
    stored = db.execute("SELECT captured_at, rows, run_id FROM alphapulse.snapshots").fetchall()
    assert set(stored) == {(at(1), 2, "run"), (at(2), 0, "run")}


def test_a_snapshot_is_all_or_nothing(db: DB) -> None:
    write(db, snapshot(at(1), balance("BTC")), "run")
    with pytest.raises(psycopg.errors.NotNullViolation):
        write(db, snapshot(at(2), balance("BTC"), balance("ETH", total=None)), "run")
    assert one(db, "SELECT max(captured_at) FROM alphapulse.balances") == at(1)
    assert one(db, "SELECT max(captured_at) FROM alphapulse.snapshots") == at(1)


def test_a_dataset_that_was_never_registered_is_counted(db: DB) -> None:
    write(db, Batches("mine", "orders", [Batch([order(1), order(2)])]), "run")
    status = one(db, "SELECT (rows, status) FROM alphapulse.sync_status WHERE account = 'mine'")
    assert status == ("2", "pending")


def test_times_without_a_zone_are_refused() -> None:
    naive = at(0).replace(tzinfo=None)
    with pytest.raises(ValueError, match="zone"):
        Batch([], captured_at=naive)
    with pytest.raises(ValueError, match="zone"):
        TimeRange(naive, naive)
    with pytest.raises(ValueError, match="end before"):
        TimeRange(at(1), at(0))
