"""Binance Simple Earn: what is in it is read, counted once, and reconciled with what moves it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.portfolio.reconciliation import refresh
from alphapulse_pipeline.settings.accounts import Account
from alphapulse_pipeline.settings.portfolio import PortfolioSettings
from alphapulse_pipeline_tests.conftest import NOW_MS
from alphapulse_pipeline_tests.sync.test_binance import at
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
    found = windows(db)
    assert {state for _, state in found} == {"reconciled"}
    assert found["earn", "reconciled"] > 1
    assert db.execute("SELECT count(*) FROM alphapulse.coverage_gaps").fetchone() == (0,)
