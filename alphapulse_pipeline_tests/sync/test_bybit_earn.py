"""Bybit's Earn: what is held there, what moves it, and accounts without it."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.exchange.feed import to_time
from alphapulse_pipeline.exchange.venues import VENUES
from alphapulse_pipeline.portfolio.reconciliation import refresh
from alphapulse_pipeline.settings.accounts import Account
from alphapulse_pipeline.settings.portfolio import PortfolioSettings
from alphapulse_pipeline_tests.conftest import NOW_MS
from alphapulse_pipeline_tests.sync.test_truth import check
from alphapulse_pipeline_tests.sync.truth import stored, sync_all, true
from exchange_simulator import Key, Simulator, World, serve
from exchange_simulator.keys import ALL_SCOPES
from exchange_simulator.layout import BYBIT_EARN
from exchange_simulator.markets import DAY, HOUR

Make = Callable[..., Account]
DB = Connection[TupleRow]
_KEY = Key()
START = to_time(NOW_MS) - timedelta(days=50)


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
def served(world: World, clock: Clock | None = None, key: Key = _KEY) -> Iterator[Simulator]:
    with serve(world, clock=clock or Clock(), limits=False, keys=[key]) as simulator:
        yield simulator


def deployed(simulator: Simulator, make_account: Make) -> Account:
    """Its requests are signed at about `NOW_MS`, and accepted for days."""
    options = {
        "timeDifference": time.time_ns() // 1_000_000 - NOW_MS + 500_000,
        "recvWindow": 9 * DAY,
    }
    return make_account(simulator.url, history_start=START.date(), options=options)


def test_what_is_held_in_earn_is_read_and_is_what_the_exchange_totals(
    earner: World, make_account: Make, database: str, db: DB
) -> None:
    earner.layout = replace(earner.layout, elsewhere={"TradingBot": {"USDT": Decimal(700)}})
    try:
        with served(earner) as simulator:
            account = deployed(simulator, make_account)
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
    with served(earner, key=Key(scopes=ALL_SCOPES - {"earn"})) as simulator:
        account = deployed(simulator, make_account)
        sync_all(account, database)
    assert db.execute(
        "SELECT state, reason FROM alphapulse.skipped WHERE part = 'earn' AND dataset = ''"
    ).fetchall() == [("closed", "the key lacks the permission Earn")]
    [(state, total, read)] = db.execute(
        "SELECT state, exchange_total, read_total FROM alphapulse.books_latest WHERE book = 'Earn'"
    ).fetchall()
    assert (state, read) == ("unread", 0)
    assert total > 1000


def test_all_that_moves_is_read_and_every_window_adds_up(
    earner: World, make_account: Make, database: str, db: DB
) -> None:
    clock = Clock()
    with served(earner, clock) as simulator:
        account = deployed(simulator, make_account)
        check(simulator, account, database, db, clock.now)
        for _ in range(4):
            clock.now += DAY
            sync_all(account, database)
    refresh(db, PortfolioSettings())
    for wallet in ("unified", "funding", "earn"):
        states: dict[str, int] = dict(
            db.execute(
                "SELECT state, count(*) FROM portfolio.reconciliation WHERE wallet = %s"
                " GROUP BY state",
                [wallet],
            ).fetchall()
        )
        assert states.keys() <= {"reconciled", "pending"}, wallet
        assert states["reconciled"] >= 3, wallet
    assert db.execute(
        "SELECT count(*) > 0 FROM portfolio.reconciliation WHERE state = 'reconciled'"
        " AND (wallet, asset) = ('earn', 'SOL') AND opening <> closing"
    ).fetchone() == (True,)
    classes: dict[str, str] = dict(
        db.execute(
            "SELECT kind, string_agg(DISTINCT class, ' ' ORDER BY class) FROM alphapulse.ledger"
            " WHERE wallet = 'funding' GROUP BY kind"
        ).fetchall()
    )
    assert classes == {
        "Deposit": "transfer",
        "Withdraw": "transfer",
        "Transfer in": "transfer",
        "Transfer out": "transfer",
        "Earn": "reward transfer",
    }


@pytest.mark.parametrize(
    ("dataset", "stream", "wallet", "assets"),
    [
        ("transfers", "earn", "earn", {"USDT", "USDC"}),
        ("transfers", "on-chain earn", "earn", {"SOL"}),
        ("ledger", "funding", "funding", {"USDT", "USDC", "SOL"}),
    ],
)
def test_a_list_that_is_not_read_breaks_exactly_its_windows(
    dataset: str,
    stream: str,
    wallet: str,
    assets: set[str],
    earner: World,
    make_account: Make,
    database: str,
    db: DB,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    histories = dict(VENUES["bybit"].histories)
    histories[dataset] = {n: s for n, s in histories[dataset].items() if n != stream}
    monkeypatch.setitem(VENUES, "bybit", replace(VENUES["bybit"], histories=histories))
    clock = Clock()
    with served(earner, clock) as simulator:
        account = deployed(simulator, make_account)
        for _ in range(5):
            sync_all(account, database)
            clock.now += DAY
        earned = [t for t in simulator.world.account.transfers.rows if t.kind == "reward"]
        moved = [
            t
            for t in simulator.world.account.transfers.rows
            if "earn" in (t.from_wallet, t.to_wallet)
        ]
    refresh(db, PortfolioSettings())
    found = db.execute(
        "SELECT wallet, asset, opened_at, closed_at, residual FROM portfolio.reconciliation"
        " WHERE state NOT IN ('reconciled', 'pending')"
    ).fetchall()
    assert found
    assert {asset for _, asset, *_ in found} <= assets
    for name, asset, opened, closed, residual in found:
        assert name == wallet
        rows = moved if wallet == "earn" else earned
        assert residual == sum(
            t.amount * (1 if t.to_wallet == wallet else -1)
            for t in rows
            if t.asset == asset and opened < to_time(t.happened_at) <= closed
        )


def test_an_order_that_is_pending_stays_a_gap_until_it_is_final(
    make_account: Make, database: str, db: DB
) -> None:
    world = World(seed=5, genesis=START, pace=0.2, layout=BYBIT_EARN)
    late = NOW_MS - DAY

    def stake(at: int) -> None:
        world.account.transfer(
            at,
            "transfer",
            "USDT",
            Decimal(1),
            from_wallet="funding",
            to_wallet="earn",
            done_at=NOW_MS + HOUR,
        )

    world.schedule(late, stake)
    clock = Clock()
    with served(world, clock) as simulator:
        account = deployed(simulator, make_account)
        sync_all(account, database)
        gaps = db.execute("SELECT dataset, stream, gap FROM alphapulse.coverage_gaps").fetchall()
        assert [(d, s, g.lower) for d, s, g in gaps] == [("transfers", "earn", to_time(late))]
        clock.now += 2 * HOUR
        sync_all(account, database)
    assert db.execute("SELECT count(*) FROM alphapulse.coverage_gaps").fetchone() == (0,)
    assert db.execute(
        "SELECT from_wallet, to_wallet, status FROM alphapulse.transfers WHERE happened_at = %s",
        [to_time(late)],
    ).fetchall() == [("funding", "earn", "ok")]


def test_what_is_staked_from_the_unified_account(make_account: Make, database: str, db: DB) -> None:
    """Its log says so, with an entry of its own."""
    world = World(seed=5, genesis=START, pace=0.2, layout=BYBIT_EARN)
    at = NOW_MS - DAY

    def move(now: int) -> None:
        move = world.account.transfer
        move(now, "transfer", "USDT", Decimal(7), from_wallet="unified", to_wallet="earn")
        move(now + HOUR, "transfer", "USDT", Decimal(6), from_wallet="earn", to_wallet="unified")

    world.schedule(at, move)
    with served(world) as simulator:
        account = deployed(simulator, make_account)
        check(simulator, account, database, db, NOW_MS)
    moved = db.execute(
        "SELECT from_wallet, to_wallet, amount FROM alphapulse.transfers"
        " WHERE 'unified' IN (from_wallet, to_wallet) AND 'earn' IN (from_wallet, to_wallet)"
        " ORDER BY happened_at"
    ).fetchall()
    assert moved == [("unified", "earn", 7), ("earn", "unified", 6)]
    assert db.execute(
        "SELECT kind, class FROM alphapulse.ledger WHERE kind LIKE 'FLEXIBLE%' ORDER BY happened_at"
    ).fetchall() == [
        ("FLEXIBLE_STAKING_SUBSCRIPTION", "transfer"),
        ("FLEXIBLE_STAKING_REDEMPTION", "transfer"),
    ]
