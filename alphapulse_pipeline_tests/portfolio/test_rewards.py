"""Rewards of Earn are income at their value then, which is what the coins cost."""

import random
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path

import pytest

from alphapulse_pipeline.exchange.feed import to_time
from alphapulse_pipeline.settings.accounts import Account
from alphapulse_pipeline.sync.histories import history, whole_history
from alphapulse_pipeline.sync.session import open_session
from alphapulse_pipeline.sync.snapshots import snapshot
from alphapulse_pipeline.warehouse.writer import write
from alphapulse_pipeline_tests.conftest import NOW_MS
from alphapulse_pipeline_tests.portfolio import bookkeeping as books
from alphapulse_pipeline_tests.portfolio.bookkeeping import DB
from alphapulse_pipeline_tests.portfolio.test_another_opinion import (
    Line,
    assert_alike,
    judged,
    lines,
)
from exchange_simulator import Simulator, World, serve
from exchange_simulator.layout import WHOLE_ACCOUNTS

Make = Callable[..., Account]
NOW = datetime.fromtimestamp(NOW_MS / 1000, UTC)
DAYS = 12
REWARDS = """
SELECT asset, happened_at, amount FROM alphapulse.ledger
WHERE class IN ('reward', 'interest') AND amount > 0 ORDER BY happened_at
"""


def read_rewards(
    simulator: Simulator, exchange: str, make_account: Make, url: str, db: DB
) -> list[tuple[str, datetime, Decimal]]:
    """Read as of three days, two days and now, and all other rows deleted: what was earned."""
    for hours in (76, 31, 0):
        now = NOW_MS - hours * 3_600_000
        simulator.set_clock(partial(int, now))
        options = {
            "timeDifference": time.time_ns() // 1_000_000 - now + 50_000,
            "recvWindow": 59_000,
        }
        start = (NOW - timedelta(DAYS)).date()
        account = make_account(
            simulator.url, exchange, exchange=exchange, history_start=start, options=options
        )
        with open_session(account, url, "test") as session:
            write(session.connection, snapshot(session, "balances"), "test")
            for dataset in ("transfers", "ledger"):
                rows = history(session, dataset, whole_history(session), fill=True)
                write(session.connection, rows, "test")
    earned = db.execute(REWARDS).fetchall()
    db.execute("DELETE FROM alphapulse.ledger WHERE NOT (class IN ('reward', 'interest'))")
    db.execute("DELETE FROM alphapulse.ledger WHERE amount < 0")
    for table in ("transfers", "balances", "snapshots"):
        db.execute(f"DELETE FROM alphapulse.{table}".encode())
    return [(asset, at, amount) for asset, at, amount in earned]


def summed(found: Iterable[Line]) -> list[Line]:
    """Several rewards of one asset at one time as one: of these, any may be sold first."""
    sums: dict[tuple[float | None, float], list[Decimal]] = {}
    for bought, sold, *numbers in found:
        known = sums.setdefault((bought, sold), [Decimal(0)] * 3)
        sums[bought, sold] = [a + b for a, b in zip(known, numbers, strict=True)]
    return [(*times, *numbers) for times, numbers in sums.items()]  # type: ignore[misc]


def hours(at: datetime) -> float:
    return (at - books.START) / timedelta(hours=1)


@pytest.mark.parametrize("exchange", WHOLE_ACCOUNTS)
def test_rp2_takes_rewards_as_income_at_their_value(
    exchange: str, make_account: Make, database: str, db: DB, tmp_path: Path
) -> None:
    layout = replace(WHOLE_ACCOUNTS[exchange], refers=False)
    world = World(seed=16, genesis=NOW - timedelta(DAYS), layout=layout, pace=0.2)
    with serve(world, clock=lambda: NOW_MS, limits=False) as simulator:
        earned = read_rewards(simulator, exchange, make_account, database, db)
    paid = [r for r in world.account.transfers.rows if r.kind == "reward"]
    wanted = sorted(
        [(r.asset, to_time(r.happened_at), r.amount) for r in paid if r.happened_at <= NOW_MS]
        + [
            (r.asset, to_time(r.happened_at), r.amount)
            for r in world.saver.rewards.rows
            if r.happened_at <= NOW_MS
        ]
    )
    assert len(wanted) > 20
    assert sorted(earned) == wanted

    dice = random.Random(7)
    prices = {
        place: Decimal(dice.randint(10**4, 10**7)) / 100
        for place in dict.fromkeys((asset, at) for asset, at, _ in earned)
    }
    books.price(db, "USD", 1)
    for (asset, at), price in prices.items():
        books.price(db, asset, price, hours(at))
    given: dict[str, list[tuple[float, str, Decimal, Decimal, int]]] = {}
    for asset, at, amount in earned:
        entry = at.timestamp(), "interest", amount, prices[asset, at], 0
        given.setdefault(asset, []).append(entry)
    later, price = NOW + timedelta(hours=1), Decimal(321)
    for asset, entries in given.items():
        half = sum((amount for _, _, amount, _, _ in entries), Decimal(0)) / 2
        market = f"{asset}/USD"
        books.fill(db, hours(later), market, "sell", half, half * price, account=exchange)
        entries.append((later.timestamp(), "sell", half, price, 0))
    books.refresh(db)
    for asset, entries in given.items():
        assert_alike(summed(lines(db, asset)), summed(judged(tmp_path, "fifo", entries)))
    bought = books.rows(db, "SELECT asset, acquired_at, source, amount, cost FROM portfolio.lots")
    assert sorted(bought) == sorted(
        (asset, datetime.fromtimestamp(at, UTC), "income", amount, amount * price)
        for asset, entries in given.items()
        for at, side, amount, price, _ in entries
        if side == "interest"
    )
