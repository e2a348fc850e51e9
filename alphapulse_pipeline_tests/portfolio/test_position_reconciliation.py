"""Positions read from a live account are the sum of its fills, and a missing fill shows."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.portfolio import residuals
from alphapulse_pipeline.portfolio.position_reconciliation import NAME, refresh
from alphapulse_pipeline.settings.portfolio import PortfolioSettings
from alphapulse_pipeline.warehouse.batches import Proof, TimeRange
from alphapulse_pipeline.warehouse.history_state import HistoryState
from alphapulse_pipeline_tests.portfolio.accounts import Accounts, position
from alphapulse_pipeline_tests.sync.reliability.scene import Scene

DB = Connection[TupleRow]
MARKET = "BTC/USDT:USDT"
T0 = datetime(2026, 5, 1, tzinfo=UTC)
MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)

# In a window between two snapshots, and in none of the seconds in which one was read.
_FILLS = """
SELECT t.market, t.trade_id, CASE t.side WHEN 'sell' THEN -t.amount ELSE t.amount END,
    (SELECT min(captured_at) FROM alphapulse.snapshots
     WHERE dataset = 'positions' AND captured_at >= t.executed_at) AS closed_at
FROM alphapulse.trades AS t
WHERE t.market LIKE '%:%'
    AND t.executed_at BETWEEN (SELECT min(captured_at) FROM alphapulse.snapshots)
        AND (SELECT max(captured_at) FROM alphapulse.snapshots WHERE dataset = 'positions')
    AND NOT EXISTS (SELECT FROM alphapulse.snapshots AS s WHERE s.dataset = 'positions'
        AND abs(extract(epoch FROM s.captured_at - t.executed_at)) < 10)
ORDER BY t.market, t.trade_id
"""


def reconcile(db: DB) -> int:
    """How many changes of a position were recalculated."""
    changes = refresh(db, PortfolioSettings(currency="USDT"))["changes"]
    assert isinstance(changes, int)
    return changes


def found(db: DB, *states: str) -> dict[tuple[str, datetime], Decimal]:
    """(market, end of the window) -> the residual, of the windows in these states."""
    rows = db.execute(
        "SELECT market, closed_at, residual FROM portfolio.position_reconciliation"
        " WHERE state = ANY(%s)",
        [list(states)],
    ).fetchall()
    return {(market, closed_at): residual for market, closed_at, residual in rows}


def fills(db: DB) -> list[TupleRow]:
    """(market, id, signed contracts, end of the window) of fills that can be deleted."""
    return db.execute(_FILLS.encode()).fetchall()


def test_every_position_is_the_sum_of_its_fills(lived: Scene) -> None:
    with lived.database() as (_, db):
        changes = reconcile(db)
        assert changes > 50 or lived.exchange == "kraken"  # no derivatives
        assert found(db, "break", "unverifiable", "pending") == {}
        assert len(found(db, "reconciled")) == changes
        assert reconcile(db) == 0


def check_deleted(db: DB, chosen: Sequence[TupleRow]) -> None:
    for market, number, contracts, closed_at in chosen:
        key = (market, number)
        db.execute(
            "CREATE TABLE kept AS SELECT * FROM alphapulse.trades"
            " WHERE (market, trade_id) = (%s, %s)",
            key,
        )
        db.execute("DELETE FROM alphapulse.trades WHERE (market, trade_id) = (%s, %s)", key)
        reconcile(db)
        assert found(db, "break") == {(market, closed_at): contracts}
        [row] = residuals.find(db, of=NAME).rows
        assert row.market == market
        assert row.suspects.startswith("orders ")
        db.execute("UPDATE kept SET recorded_at = clock_timestamp()")
        db.execute("INSERT INTO alphapulse.trades SELECT * FROM kept")
        db.execute("DROP TABLE kept")
        reconcile(db)
        assert found(db, "break", "pending", "unverifiable") == {}


def test_a_deleted_fill_is_found_by_market_and_window(lived: Scene) -> None:
    with lived.database() as (_, db):
        reconcile(db)
        every = fills(db)
        check_deleted(db, random.Random(lived.exchange).sample(every, min(8, len(every))))


@pytest.mark.nightly
def test_every_deleted_fill_is_found_by_market_and_window(lived: Scene) -> None:
    with lived.database() as (_, db):
        reconcile(db)
        check_deleted(db, fills(db))


def test_a_fill_that_is_not_covered_yet_is_pending(lived: Scene) -> None:
    with lived.database() as (_, db):
        for market, number, contracts, closed_at in fills(db)[:1]:
            [(at,)] = db.execute(
                "DELETE FROM alphapulse.trades WHERE (market, trade_id) = (%s, %s)"
                " RETURNING executed_at",
                (market, number),
            ).fetchall()
            db.execute(
                "UPDATE alphapulse.coverage SET covered = covered - tstzmultirange("
                "tstzrange(%s, %s)) WHERE dataset = 'trades'",
                [at, at + SECOND],
            )
            reconcile(db)
            assert found(db, "pending") == {(market, closed_at): contracts}
            assert found(db, "break", "unverifiable") == {}


def test_a_fill_that_no_run_can_read_is_unverifiable(accounts: Accounts, db: DB) -> None:
    held(accounts, 0, 1)
    held(accounts, 5, 3)
    held(accounts, 10, 3)
    db.execute("UPDATE alphapulse.datasets SET deployed = true")
    reconcile(db)
    assert found(db, "unverifiable") == {(MARKET, T0 + 5 * MINUTE): 2}
    [row] = residuals.find(db, of=NAME).rows
    assert row.reason == "trades of this account are not synced"
    assert str(row).startswith("a: the position in BTC/USDT:USDT is off by 2 between 2026-05-01")


@pytest.mark.parametrize("seconds", [-0.5, 0.5])
def test_a_fill_in_the_seconds_of_the_reading_is_no_break(
    accounts: Accounts, db: DB, seconds: float
) -> None:
    """The snapshot may or may not include it; the next one does."""
    held(accounts, 0, 1)
    held(accounts, 5, 1 if seconds < 0 else 3)
    held(accounts, 10, 3)
    accounts.fill("a", MARKET, T0 + 5 * MINUTE + seconds * SECOND, 100, 1, 2)
    synced(db)
    reconcile(db)
    assert found(db, "break", "unverifiable", "pending") == {}
    assert len(found(db, "reconciled")) == 2


def test_a_position_whose_sides_are_both_open_is_their_difference(
    accounts: Accounts, db: DB
) -> None:
    both = [position(MARKET, 5), position(MARKET, 2, side="short")]
    accounts.snapshot("a", "positions", T0, [position(MARKET, 2)])
    accounts.snapshot("a", "positions", T0 + 5 * MINUTE, both)
    accounts.fill("a", MARKET, T0 + MINUTE, 100, 1, 1)
    synced(db)
    reconcile(db)
    assert found(db, "reconciled") == {(MARKET, T0 + 5 * MINUTE): 0}


def test_positions_that_a_snapshot_left_out_are_not_reconciled(accounts: Accounts, db: DB) -> None:
    held(accounts, 0, 1)
    held(accounts, 5, 0)
    held(accounts, 10, 1)
    db.execute(
        "UPDATE alphapulse.snapshots SET unread = '{USDT}' WHERE captured_at = %s",
        [T0 + 5 * MINUTE],
    )
    synced(db)
    reconcile(db)
    assert found(db, "break", "unverifiable", "pending", "reconciled") == {}


def held(accounts: Accounts, minutes: int, contracts: int) -> None:
    """A snapshot of one position; none if it has no contracts."""
    rows = [position(MARKET, contracts)] if contracts else []
    accounts.snapshot("a", "positions", T0 + minutes * MINUTE, rows)


def synced(db: DB) -> None:
    """The fills are complete up to an hour after the first snapshot."""
    Accounts(db).deployed("a", "trades")
    state = HistoryState(db, "a", "trades")
    complete = TimeRange(T0 - timedelta(days=1), T0 + timedelta(hours=1))
    state.want([("all", "the exchange")], complete)
    state.prove(Proof("all", complete))
