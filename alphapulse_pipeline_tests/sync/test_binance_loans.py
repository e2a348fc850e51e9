"""Binance accounts with crypto loans: what is owed, was borrowed and was repaid is read, and missed
to the last digit where a list is not read."""

from collections.abc import Callable
from datetime import timedelta

from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.portfolio import movements_daily, reconciliation
from alphapulse_pipeline.settings.accounts import Account
from alphapulse_pipeline.settings.portfolio import PortfolioSettings
from alphapulse_pipeline_tests.conftest import NOW_MS
from alphapulse_pipeline_tests.sync.test_binance import HOUR, NOW, at, living
from alphapulse_pipeline_tests.sync.test_binance_earn import check_without, windows
from alphapulse_pipeline_tests.sync.truth import stored, sync_all, true
from exchange_simulator.layout import BINANCE_ACCOUNTS

Make = Callable[..., Account]
DB = Connection[TupleRow]
DAYS = 12
LISTS = {
    "loans": "transfers WHERE transfer_id LIKE 'loan %'",
    "loan repayments": "transfers WHERE transfer_id LIKE 'repayment %'",
    "borrowed": "ledger WHERE kind = 'BORROW'",
    "repaid": "ledger WHERE kind = 'REPAY'",
}


def test_loans_are_read_and_reconciled(make_account: Make, database: str, db: DB) -> None:
    with living(BINANCE_ACCOUNTS["loans"], days=DAYS, pace=0.2) as simulator:
        for hours in (8 * 24, 100, 0):
            sync_all(at(simulator, make_account, hours, days=DAYS), database)
        truth = simulator.truth(NOW_MS, exchange="binance")
        borrower = simulator.world.borrower
    deals = [deal for deal in borrower.deals.rows if deal.happened_at <= NOW_MS]
    assert {deal.list for deal in deals} == {"loan", "repayment"}
    assert any(deal.moved for deal in deals if deal.list == "repayment")
    assert borrower.orders(NOW_MS)
    for dataset in ("balances", "transfers"):
        assert stored(db, dataset, "binance") == true(truth, dataset)
    entries = {row for row in stored(db, "ledger", "binance") if row[0] == "loan"}
    assert entries == {row for row in true(truth, "ledger") if row[0] == "loan"}
    assert len(entries) == len(deals)
    found = windows(db)
    assert {state for _, state in found} == {"reconciled"}
    assert min(found[wallet, "reconciled"] for wallet in ("spot", "earn", "loan")) > 1
    for name, rows in LISTS.items():
        check_without(db, name, rows)
    assert db.execute("SELECT count(*) FROM alphapulse.coverage_gaps").fetchone() == (0,)


def test_what_was_owed_before_the_first_snapshot_is_known_but_for_interest(
    make_account: Make, database: str, db: DB
) -> None:
    """The interest since then is in no list."""
    with living(BINANCE_ACCOUNTS["loans"], days=DAYS, pace=0.2) as simulator:
        sync_all(at(simulator, make_account, 0, days=DAYS), database)
        books = simulator.world.account.books
    then = NOW_MS - 5 * 24 * HOUR
    for module in (reconciliation, movements_daily):
        module.refresh(db, PortfolioSettings())
    found = db.execute(
        "SELECT asset, total, debt FROM portfolio.balances_as_of(%s) WHERE wallet = 'loan'",
        [NOW - timedelta(days=5)],
    ).fetchall()
    assert {asset for asset, _, _ in found} == {"USDT", "BTC", "ETH"}
    for asset, total, debt in found:
        owed = books.debt("loan", asset, NOW_MS) - books.debt("loan", asset, then)
        borrowed = sum(
            entry.amount
            for entry in books.ledger["loan"].rows
            if entry.kind in ("borrow", "repay") and entry.asset == asset
            if then < entry.happened_at <= NOW_MS
        )
        assert total == 0
        assert debt == books.debt("loan", asset, then) + (owed - borrowed)


def test_an_account_without_loans_is_asked_for_each_list_once_a_day(
    make_account: Make, database: str
) -> None:
    """And once more after the first snapshot. What is owed is not asked about."""
    with living(BINANCE_ACCOUNTS["spot only"], days=3, pace=0.1) as simulator:
        for hours in (2, 1, 0):
            sync_all(at(simulator, make_account, hours, days=3), database)
        paths = [seen.path for seen in simulator.requests]
    assert paths.count("/sapi/v2/loan/flexible/borrow/history") == 2
    assert paths.count("/sapi/v2/loan/flexible/repay/history") == 2
    assert "/sapi/v2/loan/flexible/ongoing/orders" not in paths
