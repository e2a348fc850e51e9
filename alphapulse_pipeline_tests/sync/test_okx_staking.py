"""Staked ETH and SOL at OKX: exchanged for their tokens at cost, and rewards are income."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.exchange.venues import VENUES
from alphapulse_pipeline.portfolio.realized_pnl import refresh as match
from alphapulse_pipeline.portfolio.reconciliation import refresh
from alphapulse_pipeline.settings.accounts import Account
from alphapulse_pipeline.settings.portfolio import PortfolioSettings
from alphapulse_pipeline_tests.conftest import NOW_MS
from alphapulse_pipeline_tests.sync.truth import stored, sync_all, true
from exchange_simulator import Simulator, World, serve
from exchange_simulator.layout import OKX_ACCOUNTS
from exchange_simulator.markets import HOUR

Make = Callable[..., Account]
DB = Connection[TupleRow]
NOW = datetime.fromtimestamp(NOW_MS / 1000, UTC)
DAYS = 25
BILLS = ("137", "138", "329", "330", "331", "332")


class Clock:
    def __init__(self) -> None:
        self.now = NOW_MS

    def __call__(self) -> int:
        return self.now


@contextmanager
def staking(clock: Clock) -> Iterator[Simulator]:
    world = World(
        seed=7,
        genesis=NOW - timedelta(DAYS),
        pace=0.2,
        exchange="okx",
        layout=OKX_ACCOUNTS["staking"],
    )
    with serve(world, clock=clock, limits=False) as simulator:
        yield simulator


def deployed(simulator: Simulator, make_account: Make) -> Account:
    start = (NOW - timedelta(DAYS)).date()
    return make_account(
        simulator.url,
        exchange="okx",
        history_start=start,
        datasets=["balances", "trades", "transfers", "funding", "conversions", "ledger"],
    )


def states(db: DB, wallet: str = "%") -> dict[str, int]:
    refresh(db, PortfolioSettings())
    return dict(
        db.execute(
            "SELECT state, count(*) FROM portfolio.reconciliation WHERE wallet LIKE %s"
            " GROUP BY state",
            [wallet],
        ).fetchall()
    )


def test_what_is_staked_is_exchanged_and_reconciled(
    make_account: Make, database: str, db: DB
) -> None:
    clock = Clock()
    with staking(clock) as simulator:
        account = deployed(simulator, make_account)
        for _ in range(7):
            sync_all(account, database)
            clock.now += 13 * HOUR
        clock.now -= 13 * HOUR
        truth = simulator.truth(clock.now, exchange="okx")
        requests = simulator.world.token_staker.requests.rows
    for dataset in ("balances", "transfers", "conversions", "ledger"):
        assert stored(db, dataset, account.name) == true(truth, dataset), dataset
    done = [r for r in requests if r.status(clock.now) == "success"]
    assert {(r.kind, r.coin) for r in done} == {
        (kind, coin) for kind in ("purchase", "redeem") for coin in ("ETH", "SOL")
    }
    assert {r.status(clock.now) for r in requests if r.happened_at < clock.now} == {
        "success",
        "cancelled",
        "pending",
    }
    assert db.execute(
        "SELECT count(*), count(DISTINCT happened_at) > 1 FROM alphapulse.conversions"
    ).fetchone() == (len(done), True)
    assert set(states(db)) <= {"reconciled", "pending"}
    assert states(db, "staking")["reconciled"] > 5
    assert db.execute("SELECT count(*) FROM alphapulse.rejected").fetchone() == (0,)
    # what is pending is no gap longer than its moment
    gaps = db.execute(
        "SELECT stream, upper(gap) - lower(gap) FROM alphapulse.coverage_gaps"
    ).fetchall()
    assert all(span <= timedelta(milliseconds=1) for _, span in gaps)
    listed = [r for r in requests if r.happened_at < clock.now - HOUR]
    assert len(gaps) == sum(r.status(clock.now) == "pending" for r in listed) > 0


def test_staking_is_no_income_and_its_rewards_are(
    make_account: Make, database: str, db: DB
) -> None:
    clock = Clock()
    with staking(clock) as simulator:
        sync_all(deployed(simulator, make_account), database)
    match(db, PortfolioSettings())
    kinds = db.execute(
        "SELECT DISTINCT l.class FROM alphapulse.ledger AS l WHERE l.kind = ANY(%s)",
        [list(BILLS)],
    ).fetchall()
    assert kinds == [("transfer",)]
    rewards = db.execute(
        "SELECT count(*) FROM alphapulse.ledger WHERE kind IN ('139', '328') AND class = 'reward'"
    ).fetchone()
    income = db.execute(
        "SELECT count(*) FROM portfolio.realized_pnl"
        " WHERE kind = 'income' AND asset IN ('BETH', 'OKSOL')"
    ).fetchone()
    assert rewards == income
    assert rewards is not None
    assert rewards[0] > 10
    assert db.execute(
        "SELECT count(*) FROM portfolio.realized_pnl"
        " WHERE kind IN ('income', 'expense') AND asset IN ('ETH', 'SOL')"
    ).fetchone() == (0,)


def test_what_is_not_read_remains_in_the_wallet(
    make_account: Make, database: str, db: DB, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A request that no list has is a difference of its size, and changes no other wallet."""
    venue = VENUES["okx"]
    fewer = {n: s for n, s in venue.histories["conversions"].items() if n != "ETH staking"}
    histories = {**venue.histories, "conversions": fewer}
    monkeypatch.setitem(VENUES, "okx", replace(venue, histories=histories))
    clock = Clock()
    clock.now -= 240 * HOUR
    first = clock.now
    with staking(clock) as simulator:
        account = deployed(simulator, make_account)
        for _ in range(7):
            sync_all(account, database)
            clock.now += 40 * HOUR
        requests = simulator.world.token_staker.requests.rows
    refresh(db, PortfolioSettings())
    found: dict[tuple[str, str], Decimal] = {
        (wallet, asset): difference
        for wallet, asset, difference in db.execute(
            "SELECT wallet, asset, sum(difference) FROM portfolio.reconciliation"
            " WHERE state <> 'reconciled' AND difference <> 0 GROUP BY wallet, asset"
        )
    }
    read_until = clock.now - 40 * HOUR
    moved = {"ETH": Decimal(0), "BETH": Decimal(0)}
    for request in requests:
        if request.coin == "ETH" and first < request.done_at <= read_until:
            given, received = request.sides
            if not request.canceled:
                moved[given] -= request.amount
                moved[received] += request.amount
    assert found == {("staking", asset): amount for asset, amount in moved.items()}


def test_an_account_that_never_staked_is_asked_once_a_day(
    make_account: Make, database: str, db: DB
) -> None:
    world = World(seed=5, genesis=NOW - timedelta(5), pace=0.2, exchange="okx")
    clock = Clock()
    with serve(world, clock=clock, limits=False) as simulator:
        start = (NOW - timedelta(5)).date()
        account = make_account(simulator.url, exchange="okx", history_start=start)
        for _ in range(3):
            sync_all(account, database)
            clock.now += HOUR
        asked = [seen for seen in simulator.requests if "purchase-redeem-history" in seen.path]
    assert len(asked) == 2
    assert db.execute(
        "SELECT state FROM alphapulse.skipped WHERE dataset = '' AND part = 'staking'"
    ).fetchall() == [("not_enabled",)]
    assert set(states(db)) <= {"reconciled", "pending", "unverifiable"}
    assert db.execute("SELECT count(*) FROM alphapulse.coverage_gaps").fetchone() == (0,)
