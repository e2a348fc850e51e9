"""European options of Binance: the balance is read, and what moves it."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.portfolio.reconciliation import refresh
from alphapulse_pipeline.settings.accounts import Account
from alphapulse_pipeline.settings.portfolio import PortfolioSettings
from alphapulse_pipeline_tests.conftest import NOW_MS
from alphapulse_pipeline_tests.sync.test_binance import at, gaps, living
from alphapulse_pipeline_tests.sync.test_books import DATASETS
from alphapulse_pipeline_tests.sync.test_books import stored as books
from alphapulse_pipeline_tests.sync.test_books import sync as snapshots
from alphapulse_pipeline_tests.sync.truth import stored, sync_all, true
from exchange_simulator.layout import BINANCE_ACCOUNTS

Make = Callable[..., Account]
DB = Connection[TupleRow]
LAYOUT = BINANCE_ACCOUNTS["options trader"]
DAYS = 16
ACCOUNT, BILL = "/eapi/v1/marginAccount", "/eapi/v1/bill"


TRADED = """
SELECT sum(amount) FROM alphapulse.ledger
WHERE wallet = 'option' AND class IN ('trade', 'fee') AND happened_at > (
    SELECT min(captured_at) FROM alphapulse.snapshots WHERE dataset = 'balances'
)
"""


def wrong(db: DB) -> dict[tuple[str, str], Decimal]:
    """(wallet, asset) -> the sum of what nothing explains."""
    refresh(db, PortfolioSettings())
    return {
        (wallet, asset): difference
        for wallet, asset, difference in db.execute(
            "SELECT wallet, asset, sum(difference) FROM portfolio.reconciliation"
            " WHERE state <> 'reconciled' GROUP BY wallet, asset"
        )
    }


def test_what_moves_the_balance_of_options_is_listed(
    make_account: Make, database: str, db: DB
) -> None:
    """Contracts are bought, and expire."""
    with living(LAYOUT, days=DAYS, pace=0.2) as simulator:
        for hours in (14 * 24, 9 * 24, 40, 0):
            sync_all(at(simulator, make_account, hours, DAYS), database)
        truth = simulator.truth(NOW_MS, exchange="binance")
    for dataset in ("balances", "positions", "transfers", "ledger"):
        assert stored(db, dataset, "binance") == true(truth, dataset), dataset
    assert gaps(db) == []
    classes = "SELECT DISTINCT class FROM alphapulse.ledger WHERE wallet = 'option' ORDER BY 1"
    assert db.execute(classes).fetchall() == [("fee",), ("trade",), ("transfer",)]
    # no list has what was bought, and what expired: it is missing by its size
    [(traded,)] = db.execute(TRADED).fetchall()
    assert wrong(db) == {("option", "USDT"): traded}
    with db.transaction(force_rollback=True):
        # spot has no ledger that says what was moved to options; options have one
        db.execute("DELETE FROM alphapulse.transfers WHERE 'option' IN (from_wallet, to_wallet)")
        assert wrong(db).keys() == {("option", "USDT"), ("spot", "USDT")}
    db.execute("DELETE FROM alphapulse.ledger WHERE class = 'transfer'")
    # without the flow, the transfers still say it
    assert wrong(db).keys() == {("option", "USDT")}


def test_what_is_held_is_worth_what_it_is_marked_at(
    make_account: Make, database: str, db: DB
) -> None:
    """What was bought is no longer part of the balance."""
    with living(LAYOUT, days=DAYS, pace=0.2) as simulator:
        snapshots(at(simulator, make_account, 0, DAYS), database, DATASETS)
        [true_one] = simulator.truth(NOW_MS, exchange="binance")["positions"]
    value = Decimal(true_one["contracts"]) * Decimal(true_one["mark_price"])
    parts = (
        "SELECT p.asset, p.kind, p.amount FROM alphapulse.snapshots AS s,"
        " portfolio.position_parts(s.account, s.captured_at) AS p WHERE s.dataset = 'positions'"
    )
    assert db.execute(parts).fetchall() == [("USDT", "option", value)]


def test_the_book_of_options_is_read(make_account: Make, database: str, db: DB) -> None:
    with living(LAYOUT, days=2, pace=0.2) as simulator:
        snapshots(at(simulator, make_account, 0), database, DATASETS)
        read = books(db)["Options"]
        assert read["state"] == "read"
        assert read["exchange_total"] == read["read_total"] > 1000
        wallets = [name for name in LAYOUT.wallets if name != "option"]
        snapshots(at(simulator, make_account, 0, wallets=wallets), database, DATASETS)
    without = books(db)["Options"]
    assert (without["state"], without["read_total"]) == ("unread", 0)


@pytest.mark.parametrize(("kind", "requests"), [("options", 1), ("spot only", 0)])
def test_an_account_that_never_used_options_lists_no_entries(
    kind: str, requests: int, make_account: Make, database: str, db: DB
) -> None:
    """One request in a snapshot of an account that opened options, none otherwise."""
    with living(BINANCE_ACCOUNTS[kind]) as simulator:
        account = at(simulator, make_account, 0)
        snapshots(account, database, ("balances",))
        sync_all(account, database)
        asked = [seen.path for seen in simulator.requests]
    assert (asked.count(ACCOUNT), asked.count(BILL)) == (2 * requests, 0)
    statuses = db.execute("SELECT DISTINCT status FROM alphapulse.sync_status").fetchall()
    assert statuses == [("completed",)]
    assert gaps(db) == []
