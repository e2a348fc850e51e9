"""Portfolio Margin of Binance: cross margin and both futures are one wallet, which is read."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.exchange.errors import ExchangeFailure
from alphapulse_pipeline.settings.accounts import Account
from alphapulse_pipeline_tests.conftest import NOW_MS
from alphapulse_pipeline_tests.sync.test_binance import at, gaps, living, move
from alphapulse_pipeline_tests.sync.test_binance_earn import check_without, windows
from alphapulse_pipeline_tests.sync.test_books import DATASETS
from alphapulse_pipeline_tests.sync.test_books import stored as books
from alphapulse_pipeline_tests.sync.test_books import sync as snapshots
from alphapulse_pipeline_tests.sync.truth import IN_THE_BOOKS, stored, sync_all, true
from exchange_simulator.layout import BINANCE_ACCOUNTS

Make = Callable[..., Account]
DB = Connection[TupleRow]
LAYOUT = BINANCE_ACCOUNTS["portfolio margin"]
BALANCE = "/papi/v1/balance"
DAYS = 9
REFUSED = "retcode=2015:/papi/"


def test_every_window_of_it_is_reconciled(make_account: Make, database: str, db: DB) -> None:
    with living(LAYOUT, days=DAYS, pace=0.2) as simulator:
        move(simulator, 50, "portfolio margin", "spot")
        move(simulator, 20, "portfolio margin", "spot")
        move(simulator, 10, "spot", "portfolio margin")
        for hours in (150, 60, 31, 0):
            sync_all(at(simulator, make_account, hours, DAYS), database)
        truth = simulator.truth(NOW_MS, exchange="binance")
        ever = simulator.truth(NOW_MS, exchange="binance", expired=True)
    for dataset in IN_THE_BOOKS:
        read, wanted = stored(db, dataset, "binance"), true(truth, dataset)
        if dataset == "orders":
            # canceled ones are listed for three days: the earlier runs have read more of them
            assert {row[:-1] for row in wanted} <= {row[:-1] for row in read}
            assert {row[:2] for row in read} <= {row[:2] for row in true(ever, "orders")}
        else:
            assert read == wanted, dataset
    assert gaps(db) == []
    moved = db.execute(
        "SELECT DISTINCT from_wallet, to_wallet FROM alphapulse.transfers"
        " WHERE 'portfolio margin' IN (from_wallet, to_wallet) ORDER BY 1"
    ).fetchall()
    assert moved == [("portfolio margin", "spot"), ("spot", "portfolio margin")]
    paid = db.execute(
        "SELECT kind, count(*) FROM alphapulse.ledger WHERE class IN ('loan', 'interest')"
        " GROUP BY kind ORDER BY kind"
    ).fetchall()
    assert paid == [("BORROW", 1), ("INTEREST", 1), ("REPAY", 1)]
    check_without(
        db, "loans", "ledger WHERE wallet = 'portfolio margin' AND class IN ('loan', 'interest')"
    )
    check_without(
        db,
        "transfers",
        "transfers WHERE 'portfolio margin' IN (from_wallet, to_wallet)",
    )
    found = windows(db)
    assert {state for _, state in found} == {"reconciled"}
    assert found["portfolio margin", "reconciled"] > 1
    of_futures = "ledger WHERE wallet = 'portfolio margin' AND class IN ('trade', 'fee', 'funding')"
    with db.transaction(force_rollback=True):
        # fills and funding payments repeat what the income of futures has
        db.execute(f"DELETE FROM alphapulse.{of_futures}")
        assert {state for _, state in windows(db)} == {"reconciled"}
    with db.transaction(force_rollback=True):
        db.execute(f"DELETE FROM alphapulse.{of_futures}")
        db.execute("DELETE FROM alphapulse.trades WHERE wallet = 'portfolio margin'")
        broken = {wallet for wallet, state in windows(db) if state != "reconciled"}
        assert broken == {"portfolio margin"}


def test_its_balances_are_read_and_its_book_has_their_size(
    make_account: Make, database: str, db: DB
) -> None:
    with living(LAYOUT, pace=0.5) as simulator:
        account = at(simulator, make_account, 0)
        snapshots(account, database, DATASETS)
        truth = simulator.truth(exchange="binance")
        assert stored(db, "balances", "binance") == true(truth, "balances")
        row = books(db)["Portfolio Margin"]
        assert row["state"] == "read"
        assert row["exchange_total"] > 500
        # our prices are the middle of bid and ask, the exchange's are an index
        assert abs(row["exchange_total"] / row["read_total"] - 1) < Decimal("0.0005")
        wallets = [name for name in LAYOUT.wallets if name != "portfolio margin"]
        account = at(simulator, make_account, 0, wallets=wallets)
        snapshots(account, database, DATASETS)
    without = books(db)["Portfolio Margin"]
    assert (without["state"], without["read_total"]) == ("unread", 0)


@pytest.mark.parametrize(
    "field",
    [
        *("asset", "totalWalletBalance", "crossMarginLocked"),
        *("crossMarginBorrowed", "crossMarginInterest"),
    ],
)
def test_a_balance_without_a_field_is_refused(
    field: str, make_account: Make, database: str, db: DB
) -> None:
    with living(LAYOUT, pace=0.5) as simulator:
        account = at(simulator, make_account, 0)
        simulator.set_faults(f"renamed={field}:{BALANCE}")
        with pytest.raises(ExchangeFailure, match=field):
            snapshots(account, database, ("balances",))
    assert stored(db, "balances", "binance") == set()


def test_an_account_without_it_asks_nothing(make_account: Make, database: str, db: DB) -> None:
    with living(BINANCE_ACCOUNTS["spot only"]) as simulator:
        sync_all(at(simulator, make_account, 0), database)
        assert not [seen.path for seen in simulator.requests if seen.path.startswith("/papi/")]
    reasons = db.execute(
        "SELECT reason FROM alphapulse.skipped WHERE part = 'portfolio margin' AND dataset = ''"
    ).fetchall()
    assert reasons == [("the account's isPortfolioMarginRetailEnabled is not true",)]


def test_a_key_that_may_not_read_it_reads_the_rest(
    make_account: Make, database: str, db: DB
) -> None:
    """Its book keeps its size, and one request is refused."""
    with living(LAYOUT, pace=0.5) as simulator:
        simulator.set_faults(REFUSED)
        account = at(simulator, make_account, 0)
        sync_all(account, database)
        assert [seen.path for seen in simulator.requests].count(BALANCE) == 1
    statuses = db.execute("SELECT DISTINCT status FROM alphapulse.sync_status").fetchall()
    assert statuses == [("completed",)]
    wallets = db.execute("SELECT DISTINCT wallet FROM alphapulse.balances_latest").fetchall()
    assert {wallet for (wallet,) in wallets} == {"spot", "funding"}
    row = books(db)["Portfolio Margin"]
    assert (row["state"], row["read_total"]) == ("unread", 0)
    assert row["exchange_total"] > 500
