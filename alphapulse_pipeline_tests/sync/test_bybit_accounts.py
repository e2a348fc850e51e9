"""Bybit accounts that differ from the usual one: what is stored equals their books."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.settings.accounts import Account
from alphapulse_pipeline_tests.conftest import GENESIS, NOW_MS
from alphapulse_pipeline_tests.sync.test_truth import check
from alphapulse_pipeline_tests.sync.truth import sync_all
from exchange_simulator import Simulator, World, serve
from exchange_simulator.markets import DAY

Make = Callable[..., Account]
UPGRADED_AT = datetime(2026, 9, 25, 10, tzinfo=UTC)


@contextmanager
def frozen(world: World) -> Iterator[Simulator]:
    with serve(world, clock=lambda: NOW_MS, limits=False) as simulator:
        yield simulator


@pytest.fixture(scope="module")
def upgraded() -> World:
    return World(
        seed=7, genesis=GENESIS, option_coins=("BTC", "ETH", "SOL"), upgraded_at=UPGRADED_AT
    )


def test_an_account_that_was_upgraded_half_way(
    upgraded: World, make_account: Make, database: str, db: Connection[TupleRow]
) -> None:
    """Its fills, orders and funding payments of both times, and the ledger since the upgrade."""
    with frozen(upgraded) as simulator:
        account = make_account(simulator.url)
        sync_all(account, database)  # afterwards, the USDC contracts traded are known
        check(simulator, account, database, db, NOW_MS)
    for table, time in (("trades", "executed_at"), ("orders", "created_at")):
        for category, name in (
            ("inverse", "%:BTC"),
            ("USDC contract", "%:USDC"),
            ("ETH option", "ETH/%-C"),
            ("SOL option", "SOL/%-_"),
        ):
            earlier, later = db.execute(
                f"SELECT count(*) FILTER (WHERE {time} < %s), count(*) FILTER (WHERE {time} >= %s)"
                f" FROM alphapulse.{table} WHERE market LIKE %s".encode(),
                [UPGRADED_AT, UPGRADED_AT, name],
            ).fetchone() or (0, 0)
            assert earlier, (table, category)
            assert later, (table, category)


def test_transfers_to_and_from_other_accounts(
    make_account: Make, database: str, db: Connection[TupleRow]
) -> None:
    """To and from accounts of the same owner, and from another user."""
    world = World(seed=7, genesis=GENESIS)
    start, move = NOW_MS - 20 * DAY, world.account.transfer

    def transfer(at: int) -> None:
        move(at, "transfer", "USDT", Decimal(700), from_wallet="unified")
        move(at, "transfer", "BTC", Decimal(1), to_wallet="funding")
        move(at, "deposit", "ETH", Decimal(2), to_wallet="funding")

    world.schedule(start, transfer)
    with frozen(world) as simulator:
        account = make_account(simulator.url)
        sync_all(account, database)
        check(simulator, account, database, db, NOW_MS)
    found = db.execute(
        "SELECT kind, asset, amount, coalesce(from_wallet, ''), coalesce(to_wallet, '')"
        " FROM alphapulse.transfers WHERE transfer_id ~ '^(universal|internal)' ORDER BY amount"
    ).fetchall()
    assert found == [
        ("transfer", "BTC", Decimal(1), "", "funding"),
        ("deposit", "ETH", Decimal(2), "", "funding"),
        ("transfer", "USDT", Decimal(700), "unified", ""),
    ]
