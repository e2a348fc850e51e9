"""Binance Simple Earn: what is in it is read, counted once, and reconciled with what moves it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.portfolio.reconciliation import refresh
from alphapulse_pipeline.settings.accounts import Account
from alphapulse_pipeline.settings.portfolio import PortfolioSettings
from alphapulse_pipeline_tests.conftest import NOW_MS
from alphapulse_pipeline_tests.sync.test_binance import at
from alphapulse_pipeline_tests.sync.test_books import DATASETS
from alphapulse_pipeline_tests.sync.test_books import stored as books
from alphapulse_pipeline_tests.sync.test_books import sync as snapshots
from alphapulse_pipeline_tests.sync.truth import stored, sync_all, true
from exchange_simulator import Simulator, World, serve
from exchange_simulator.layout import BINANCE_SAVER

Make = Callable[..., Account]
DB = Connection[TupleRow]
DAYS = 9
NOW = datetime.fromtimestamp(NOW_MS / 1000, UTC)


@contextmanager
def saving(days: int = DAYS) -> Iterator[Simulator]:
    world = World(genesis=NOW - timedelta(days), exchange="binance", layout=BINANCE_SAVER, pace=0.1)
    with serve(world, clock=lambda: NOW_MS, limits=False) as simulator:
        yield simulator


def windows(db: DB) -> dict[tuple[str, str], int]:
    """How many windows each wallet has in each state."""
    refresh(db, PortfolioSettings())
    found = db.execute(
        "SELECT wallet, state, count(*) FROM portfolio.reconciliation GROUP BY wallet, state"
    ).fetchall()
    return {(wallet, state): count for wallet, state, count in found}


SOURCES = {
    "flexible subscriptions": "transfers WHERE transfer_id LIKE 'flexible subscription %'",
    "flexible redemptions": "transfers WHERE transfer_id LIKE 'flexible redemption %'",
    "locked subscriptions": "transfers WHERE transfer_id LIKE 'locked subscription %'",
    "locked redemptions": "transfers WHERE transfer_id LIKE 'locked redemption %'",
    "earn": "ledger WHERE wallet = 'earn'",
    "dividends": "ledger WHERE wallet = 'spot'",
}


def check_without(db: DB, source: str, rows: str) -> None:
    """Without the rows of a source, as if it were not read, its wallets are not reconciled, by
    exactly what the rows moved."""
    named = rows.replace(" ", " AS t ", 1)
    with db.transaction(force_rollback=True):
        moved = db.execute(
            f"""
            SELECT moves.wallet, asset, sum(moves.amount) FROM (
                SELECT asset, happened_at, to_jsonb(t) AS row FROM alphapulse.{named}
            ) AS r CROSS JOIN LATERAL (VALUES
                (r.row ->> 'wallet', (r.row ->> 'amount')::numeric),
                (r.row ->> 'to_wallet', (r.row ->> 'amount')::numeric),
                (r.row ->> 'from_wallet', -(r.row ->> 'amount')::numeric)
            ) AS moves (wallet, amount)
            WHERE moves.wallet IS NOT NULL AND happened_at > (
                SELECT min(captured_at) FROM alphapulse.snapshots WHERE dataset = 'balances'
            )
            GROUP BY moves.wallet, asset HAVING sum(moves.amount) <> 0
            """.encode()
        ).fetchall()
        db.execute(f"DELETE FROM alphapulse.{rows}".encode())
        refresh(db, PortfolioSettings())
        missing = db.execute(
            "SELECT wallet, asset, sum(difference) FROM portfolio.reconciliation"
            " WHERE state <> 'reconciled' GROUP BY wallet, asset HAVING sum(difference) <> 0"
        ).fetchall()
        assert moved, source
        assert sorted(missing) == sorted(moved), source


def read_twice(simulator: Simulator, make_account: Make, database: str) -> Account:
    """Two windows that end at different times of the day; the second has a day of movements."""
    for hours in (60, 31, 0):
        account = at(simulator, make_account, hours, DAYS)
        sync_all(account, database)
    return account


def test_everything_in_earn_is_read_and_reconciled(
    make_account: Make, database: str, db: DB
) -> None:
    with saving() as simulator:
        read_twice(simulator, make_account, database)
        truth = simulator.truth(NOW_MS, exchange="binance")
        saver = simulator.world.saver
        moves, rewards = saver.history.rows, saver.rewards.rows
    assert stored(db, "balances", "binance") == true(truth, "balances")
    assert stored(db, "transfers", "binance") == true(truth, "transfers")
    assert {(move.product, move.action) for move in moves} == {
        (product, action)
        for product in ("flexible", "locked")
        for action in ("subscription", "redemption")
    }
    earned = db.execute(
        "SELECT wallet, asset, amount, happened_at FROM alphapulse.ledger WHERE class = 'reward'"
    ).fetchall()
    assert sorted((w, a, n, int(t.timestamp() * 1000)) for w, a, n, t in earned) == sorted(
        (r.wallet, r.asset, r.amount, r.happened_at) for r in rewards if r.happened_at <= NOW_MS
    )
    for table, condition in SOURCES.items():
        check_without(db, table, condition)
    found = windows(db)
    assert {state for _, state in found} == {"reconciled"}
    assert found["earn", "reconciled"] > 1
    assert db.execute("SELECT count(*) FROM alphapulse.coverage_gaps").fetchone() == (0,)


def test_the_book_of_earn_is_read_with_its_size(make_account: Make, database: str, db: DB) -> None:
    with saving() as simulator:
        account = at(simulator, make_account, 0, DAYS)
        snapshots(account, database, DATASETS)
        row = books(db)["Earn"]
        codes = db.execute("SELECT asset FROM alphapulse.balances WHERE asset LIKE 'LD%'")
        assert codes.fetchall() == []
        assert row["state"] == "read"
        assert row["exchange_total"] > 1000
        # our prices are the middle of bid and ask, the exchange's are an index
        assert abs(row["exchange_total"] / row["read_total"] - 1) < Decimal("0.0005")
        wallets = [name for name in BINANCE_SAVER.wallets if name != "earn"]
        account = at(simulator, make_account, 0, DAYS, wallets=wallets)
        snapshots(account, database, DATASETS)
    without = books(db)["Earn"]
    assert (without["state"], without["read_total"]) == ("unread", 0)
    assert without["exchange_total"] == row["exchange_total"]
