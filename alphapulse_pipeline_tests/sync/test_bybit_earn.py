"""Bybit's Earn: what is held there, what moves it, and accounts without it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.exchange.feed import to_time
from alphapulse_pipeline.settings.accounts import Account
from alphapulse_pipeline_tests.conftest import NOW_MS
from alphapulse_pipeline_tests.sync.truth import stored, sync_all, true
from exchange_simulator import Key, Simulator, World, serve
from exchange_simulator.keys import ALL_SCOPES
from exchange_simulator.layout import BYBIT_EARN

Make = Callable[..., Account]
DB = Connection[TupleRow]
START = to_time(NOW_MS) - timedelta(days=50)
DAYS = 50


@dataclass
class Clock:
    now: int = NOW_MS

    def __call__(self) -> int:
        return self.now


@pytest.fixture(scope="module")
def earner() -> World:
    """With flexible savings and on-chain earn."""
    return World(seed=5, genesis=START, pace=0.2, layout=BYBIT_EARN)


@contextmanager
def served(world: World, clock: Clock | None = None, **settings: object) -> Iterator[Simulator]:
    with serve(world, clock=clock or Clock(), limits=False, **settings) as simulator:
        yield simulator


def test_what_is_held_in_earn_is_read_and_is_what_the_exchange_totals(
    earner: World, make_account: Make, database: str, db: DB
) -> None:
    earner.layout = replace(earner.layout, elsewhere={"TradingBot": {"USDT": Decimal(700)}})
    try:
        with served(earner) as simulator:
            account = make_account(simulator.url, history_start=START.date())
            sync_all(account, database)
            truth = simulator.truth(NOW_MS)
    finally:
        earner.layout = replace(earner.layout, elsewhere={})
    assert stored(db, "balances", account.name) == true(truth, "balances")
    held = db.execute(
        "SELECT asset, used > 0, free > 0 FROM alphapulse.balances_latest WHERE wallet = 'earn'"
        " ORDER BY asset"
    ).fetchall()
    assert held == [("SOL", True, False), ("USDC", False, True), ("USDT", False, True)]
    books = {
        book: (state, total, read)
        for book, state, total, read in db.execute(
            "SELECT book, state, exchange_total, read_total FROM alphapulse.books_latest"
        )
    }
    assert books["TradingBot"] == ("unread", 700, 0)
    state, total, read = books["Earn"]
    assert state == "read"
    assert total > 1000
    assert abs(read / total - 1) < Decimal("0.0005")


def test_a_key_without_the_right_to_read_earn(
    earner: World, make_account: Make, database: str, db: DB
) -> None:
    key = Key(scopes=ALL_SCOPES - {"earn"})
    with served(earner, keys=[key]) as simulator:
        account = make_account(simulator.url, history_start=START.date())
        sync_all(account, database)
    assert db.execute(
        "SELECT state, reason FROM alphapulse.skipped WHERE part = 'earn' AND dataset = ''"
    ).fetchall() == [("closed", "the key lacks the permission Earn")]
    [(state, total, read)] = db.execute(
        "SELECT state, exchange_total, read_total FROM alphapulse.books_latest WHERE book = 'Earn'"
    ).fetchall()
    assert (state, read) == ("unread", 0)
    assert total > 1000
