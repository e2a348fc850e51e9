"""Isolated margin of Binance: its balances and its debts are read, and what moves them."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.portfolio.tables import DERIVED
from alphapulse_pipeline.settings.accounts import Account
from alphapulse_pipeline.settings.portfolio import PortfolioSettings
from alphapulse_pipeline_tests.conftest import NOW_MS
from alphapulse_pipeline_tests.sync.test_binance import at, gaps, living
from alphapulse_pipeline_tests.sync.test_binance_earn import check_without, windows
from alphapulse_pipeline_tests.sync.test_books import DATASETS
from alphapulse_pipeline_tests.sync.test_books import stored as books
from alphapulse_pipeline_tests.sync.test_books import sync as snapshots
from alphapulse_pipeline_tests.sync.truth import IN_THE_BOOKS, stored, sync_all, true
from exchange_simulator.layout import BINANCE_ACCOUNTS

Make = Callable[..., Account]
DB = Connection[TupleRow]
LAYOUT = BINANCE_ACCOUNTS["isolated margin"]
DAYS = 6
PATH = "/sapi/v1/margin/isolated/account"


def test_every_window_of_isolated_margin_is_reconciled(
    make_account: Make, database: str, db: DB
) -> None:
    with living(LAYOUT, days=DAYS, pace=0.5) as simulator:
        for hours in (60, 31, 0):
            sync_all(at(simulator, make_account, hours, DAYS), database)
        truth = simulator.truth(NOW_MS, exchange="binance")
    for dataset in IN_THE_BOOKS:
        assert stored(db, dataset, "binance") == true(truth, dataset), dataset
    assert gaps(db) == []
    owed = "SELECT asset FROM alphapulse.balances_latest WHERE wallet = 'isolated' AND debt > 0"
    assert db.execute(owed).fetchall() == [("USDT",)]
    moved = db.execute(
        "SELECT DISTINCT from_wallet, to_wallet FROM alphapulse.transfers"
        " WHERE 'isolated' IN (from_wallet, to_wallet) ORDER BY 1, 2"
    ).fetchall()
    assert moved == [
        ("isolated", "isolated"),
        ("isolated", "spot"),
        ("margin", "isolated"),
        ("spot", "isolated"),
    ]
    check_without(db, "loans", "ledger WHERE wallet = 'isolated' AND class IN ('loan', 'interest')")
    with db.transaction(force_rollback=True):
        # the other wallets do not say what was moved to isolated margin; its own entries do
        db.execute("DELETE FROM alphapulse.transfers WHERE 'isolated' IN (from_wallet, to_wallet)")
        broken = {wallet for wallet, state in windows(db) if state != "reconciled"}
        assert broken == {"spot"}
    found = windows(db)
    assert {state for _, state in found} == {"reconciled"}
    assert found["isolated", "reconciled"] > 2


def test_what_is_owed_on_isolated_margin_is_no_wealth(
    make_account: Make, database: str, db: DB
) -> None:
    """The book is read with its size, and the account is worth what it is with and without it."""
    with living(LAYOUT, days=DAYS, pace=0.5) as simulator:
        account = at(simulator, make_account, 0, DAYS)
        snapshots(account, database, DATASETS)
        row = books(db)["Isolated Margin"]
        assert row["state"] == "read"
        assert row["exchange_total"] > 500
        # our prices are the middle of bid and ask, the exchange's are an index
        assert abs(row["exchange_total"] / row["read_total"] - 1) < Decimal("0.0005")
        for table in DERIVED:
            table.refresh(db, PortfolioSettings(currency="USDT"))
        all_books = sum(book["exchange_total"] for book in books(db).values())
        [(worth,)] = db.execute("SELECT value FROM portfolio.value WHERE account <> ''").fetchall()
        assert abs(all_books / worth - 1) < Decimal("0.0005")
        wallets = [name for name in LAYOUT.wallets if name != "isolated"]
        account = at(simulator, make_account, 0, DAYS, wallets=wallets)
        snapshots(account, database, DATASETS)
    without = books(db)["Isolated Margin"]
    assert (without["state"], without["read_total"]) == ("unread", 0)


@pytest.mark.parametrize(("kind", "requests"), [("sub-account", 1), ("spot only", 0)])
def test_an_account_without_isolated_margin_asks_once(
    kind: str, requests: int, make_account: Make, database: str, db: DB
) -> None:
    """One request in a snapshot, and one for what moved in and out of it."""
    with living(BINANCE_ACCOUNTS[kind]) as simulator:
        account = at(simulator, make_account, 0)
        snapshots(account, database, ("balances",))
        asked = [seen.path for seen in simulator.requests].count(PATH)
        assert asked == requests
        simulator.requests.clear()
        sync_all(account, database)
        asked = [seen.path for seen in simulator.requests].count(PATH)
        assert asked == 2 * requests
        paths = {seen.path for seen in simulator.requests}
        assert "/sapi/v1/margin/transfer" not in paths
    statuses = db.execute("SELECT DISTINCT status FROM alphapulse.sync_status").fetchall()
    assert statuses == [("completed",)]
