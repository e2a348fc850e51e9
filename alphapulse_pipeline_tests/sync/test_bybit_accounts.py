"""Bybit accounts that differ from the usual one: what is stored equals their books."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.settings.accounts import Account
from alphapulse_pipeline_tests.conftest import GENESIS, NOW_MS
from alphapulse_pipeline_tests.sync.test_truth import check
from alphapulse_pipeline_tests.sync.truth import stored, sync_all, true
from exchange_simulator import Key, Simulator, World, serve
from exchange_simulator.keys import ALL_SCOPES
from exchange_simulator.layout import BYBIT_IN_SESSIONS
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
        seed=7,
        genesis=GENESIS,
        option_coins=("BTC", "ETH", "SOL"),
        upgraded_at=UPGRADED_AT,
        layout=BYBIT_IN_SESSIONS,
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


def test_a_sub_account_without_a_permission(
    make_account: Make, database: str, db: Connection[TupleRow]
) -> None:
    """Its key cannot list withdrawals, nor transfers between accounts: states, not failures."""
    key = Key(sub_account=True, scopes=ALL_SCOPES - {"accounts"})
    world = World(seed=7, genesis=GENESIS)
    with serve(world, clock=lambda: NOW_MS, limits=False, keys=[key]) as simulator:
        account = make_account(simulator.url)
        sync_all(account, database)
        truth = simulator.truth(NOW_MS)
    closed = db.execute(
        "SELECT part, state, reason FROM alphapulse.skipped WHERE dataset = 'transfers'"
        " ORDER BY part"
    ).fetchall()
    lacking = "the key lacks the permission SubMemberTransferList"
    withdrawals = "the exchange lists withdrawals to keys of the main account only"
    assert closed == [
        ("received from other accounts", "closed", lacking),
        ("sent to other accounts", "closed", lacking),
        ("withdrawals", "closed", withdrawals),
    ]
    unreachable = db.execute(
        "SELECT DISTINCT stream FROM alphapulse.coverage_unreachable WHERE dataset = 'transfers'"
    ).fetchall()
    assert {row[0] for row in unreachable} >= {row[0] for row in closed}
    kinds = {row[0] for row in stored(db, "transfers", account.name)}
    assert kinds == {"deposit", "transfer"}
    for dataset in ("trades", "orders", "funding", "ledger", "balances"):
        assert stored(db, dataset, account.name) == true(truth, dataset), dataset
    assert (
        db.execute("SELECT dataset, stream, reason FROM alphapulse.coverage_gaps").fetchall() == []
    )


@pytest.mark.parametrize("exchange", ["bybiteu", "bybitid"])
def test_the_hosts_of_other_regions_are_read_like_bybit(
    exchange: str,
    simulator: Simulator,
    make_account: Make,
    database: str,
    db: Connection[TupleRow],
) -> None:
    """Contracts of kinds that ccxt does not list there have no known size."""
    account = make_account(simulator.url, exchange=exchange)
    sync_all(account, database)
    truth = simulator.truth(NOW_MS)
    for dataset in ("orders", "transfers", "funding", "ledger", "balances"):
        assert stored(db, dataset, account.name) == true(truth, dataset), dataset
    read = {row[0] for row in db.execute("SELECT trade_id FROM alphapulse.trades").fetchall()}
    assert read == {row["trade_id"] for row in truth["trades"]}
    assert gaps(db) == []


def test_a_new_account_without_anything(
    make_account: Make, database: str, db: Connection[TupleRow]
) -> None:
    tomorrow = datetime.fromtimestamp(NOW_MS / 1000, UTC).replace(microsecond=0) + timedelta(days=1)
    with frozen(World(seed=7, genesis=tomorrow)) as simulator:
        account = make_account(simulator.url, history_start=GENESIS.date())
        written = sync_all(account, database)
        sync_all(account, database)
    assert {dataset for dataset, result in written.items() if result.rows} == {"books"}
    assert gaps(db) == []


def test_demo_trading(make_account: Make, database: str, db: Connection[TupleRow]) -> None:
    """Its funding wallet, Earn and what happened before an upgrade do not exist there."""
    world = World(seed=7, genesis=GENESIS)
    with serve(world, clock=lambda: NOW_MS, limits=False, keys=[Key(demo=True)]) as simulator:
        account = make_account(simulator.url, history_start=date(2026, 10, 10))
        sync_all(account, database)
        sync_all(account, database)
        truth = simulator.truth(NOW_MS)
    served = [row for row in truth["balances"] if row["wallet"] == "unified"]
    assert stored(db, "balances", account.name) == true({"balances": served}, "balances")
    assert stored(db, "trades", account.name)
    assert not stored(db, "transfers", account.name)
    wallets = db.execute("SELECT part FROM alphapulse.skipped WHERE dataset = ''").fetchall()
    assert set(wallets) == {("earn",), ("funding",)}
    assert gaps(db) == []


def test_a_negative_balance_is_owed_once(
    make_account: Make, database: str, db: Connection[TupleRow]
) -> None:
    """What derivatives owe is a negative balance, which `borrowAmount` repeats."""
    world = World(seed=7, genesis=GENESIS)
    last = NOW_MS // DAY * DAY - 1

    def lose_everything(at: int) -> None:
        lost = world.account.books.head("unified", "USDC") + 30_000
        world.account.transfer(at, "transfer", "USDC", lost, from_wallet="unified")

    world.schedule(last, lose_everything)
    with frozen(world) as simulator:
        account = make_account(simulator.url, history_start=date(2026, 10, 14))
        sync_all(account, database)
        owed = simulator.truth(NOW_MS)["balances"]
        assert stored(db, "balances", account.name) == true({"balances": owed}, "balances")
    [(total, debt)] = db.execute(
        "SELECT total, debt FROM alphapulse.balances_latest"
        " WHERE wallet = 'unified' AND asset = 'USDC'"
    ).fetchall()
    assert total < 0
    assert debt == 0


def gaps(db: Connection[TupleRow]) -> list[tuple[str, ...]]:
    return db.execute("SELECT dataset, stream, reason FROM alphapulse.coverage_gaps").fetchall()
