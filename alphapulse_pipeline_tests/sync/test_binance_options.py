"""European options of Binance: the balance is read, and what moves it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.portfolio.position_reconciliation import refresh as refresh_positions
from alphapulse_pipeline.portfolio.reconciliation import refresh
from alphapulse_pipeline.settings.accounts import Account
from alphapulse_pipeline.settings.portfolio import PortfolioSettings
from alphapulse_pipeline_tests.conftest import NOW_MS
from alphapulse_pipeline_tests.sync.test_binance import at, gaps, living
from alphapulse_pipeline_tests.sync.test_books import DATASETS
from alphapulse_pipeline_tests.sync.test_books import stored as books
from alphapulse_pipeline_tests.sync.test_books import sync as snapshots
from alphapulse_pipeline_tests.sync.truth import stored, sync_all, true
from exchange_simulator import Simulator
from exchange_simulator.layout import BINANCE_ACCOUNTS

Make = Callable[..., Account]
DB = Connection[TupleRow]
LAYOUT = BINANCE_ACCOUNTS["options writer"]
DAYS = 16
READ = (14 * 24, 9 * 24, 40, 0)
"""Hours ago."""
ACCOUNT, BILL = "/eapi/v1/marginAccount", "/eapi/v1/bill"
EXERCISES, FILLS = "/eapi/v1/exerciseRecord", "/eapi/v1/userTrades"
MOVED = """
SELECT sum(CASE side WHEN 'buy' THEN -cost ELSE cost END - fee_cost) FROM alphapulse.trades
WHERE wallet = 'option' AND kind = %s AND executed_at > (
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


def wrong_positions(db: DB) -> list[tuple[str, Decimal]]:
    """(market, contracts) that no fill explains."""
    refresh_positions(db, PortfolioSettings())
    return db.execute(
        "SELECT market, difference FROM portfolio.position_reconciliation"
        " WHERE state <> 'reconciled'"
    ).fetchall()


def read(simulator: Simulator, make_account: Make, url: str) -> None:
    for hours in READ:
        sync_all(at(simulator, make_account, hours, DAYS), url)


def test_what_moves_the_balance_of_options_is_listed(
    make_account: Make, database: str, db: DB
) -> None:
    """Contracts are bought and sold, written and exercised, or expire."""
    with living(LAYOUT, days=DAYS, pace=0.2) as simulator:
        read(simulator, make_account, database)
        truth = simulator.truth(NOW_MS, exchange="binance")
    for dataset in ("balances", "positions", "trades", "transfers", "ledger"):
        assert stored(db, dataset, "binance") == true(truth, dataset), dataset
    traded = "SELECT DISTINCT side, kind FROM alphapulse.trades WHERE wallet = 'option' ORDER BY 1"
    assert set(db.execute(traded).fetchall()) == {
        (side, kind) for side in ("buy", "sell") for kind in ("trade", "settlement")
    }
    assert gaps(db) == []
    classes = "SELECT DISTINCT class FROM alphapulse.ledger WHERE wallet = 'option' ORDER BY 1"
    assert db.execute(classes).fetchall() == [("fee",), ("trade",), ("transfer",)]
    assert wrong(db) == {}
    assert wrong_positions(db) == []
    with db.transaction(force_rollback=True):
        # spot has no ledger that says what was moved to options; options have one
        db.execute("DELETE FROM alphapulse.transfers WHERE 'option' IN (from_wallet, to_wallet)")
        assert wrong(db).keys() == {("spot", "USDT")}
    with db.transaction(force_rollback=True):
        # without the flow, the transfers, fills and exercises still say it
        db.execute("DELETE FROM alphapulse.ledger")
        assert wrong(db) == {}


@pytest.mark.parametrize("kind", ["trade", "settlement"])
def test_what_is_not_listed_is_missing_by_its_size(
    kind: str, make_account: Make, database: str, db: DB
) -> None:
    """The funding flow has what it moved, which explains nothing."""
    with living(LAYOUT, days=DAYS, pace=0.2) as simulator:
        read(simulator, make_account, database)
    assert wrong(db) == {}
    [(moved,)] = db.execute(MOVED, [kind]).fetchall()
    db.execute("DELETE FROM alphapulse.trades WHERE wallet = 'option' AND kind = %s", [kind])
    assert moved
    assert wrong(db) == {("option", "USDT"): moved}
    assert wrong_positions(db)


def test_what_is_held_is_worth_what_it_is_marked_at(
    make_account: Make, database: str, db: DB
) -> None:
    """What was bought is no longer part of the balance."""
    with living(LAYOUT, days=DAYS, pace=0.2) as simulator:
        snapshots(at(simulator, make_account, 0, DAYS), database, DATASETS)
        held = simulator.truth(NOW_MS, exchange="binance")["positions"]
    assert {position["side"] for position in held} == {"long", "short"}
    value = sum(
        Decimal(one["contracts"])
        * Decimal(one["mark_price"])
        * (1 if one["side"] == "long" else -1)
        for one in held
    )
    parts = (
        "SELECT p.asset, p.kind, sum(p.amount) FROM alphapulse.snapshots AS s,"
        " portfolio.position_parts(s.account, s.captured_at) AS p WHERE s.dataset = 'positions'"
        " GROUP BY p.asset, p.kind"
    )
    assert db.execute(parts).fetchall() == [("USDT", "option", value)]


def test_a_contract_that_expired_days_ago_is_not_read_in_every_run(
    make_account: Make, database: str, db: DB
) -> None:
    with living(LAYOUT, days=DAYS, pace=0.2) as simulator:
        read(simulator, make_account, database)
        before = len(simulator.requests)
        sync_all(at(simulator, make_account, -1, DAYS), database)
        asked = [seen.path for seen in list(simulator.requests)[before:]].count(FILLS)
    markets = "SELECT DISTINCT market FROM alphapulse.trades WHERE wallet = 'option'"
    traded = [market for (market,) in db.execute(markets)]
    day_before = f"{datetime.fromtimestamp(NOW_MS / 1000, UTC) - timedelta(days=2):%y%m%d}"
    live = [market for market in traded if market.split("-")[1] >= day_before]
    assert len(live) < len(traded)
    # of each the new time, and that the list still has what it had
    assert 0 < asked <= 2 * len(live)


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
    assert asked.count(ACCOUNT) == 2 * requests
    assert not {BILL, EXERCISES, FILLS}.intersection(asked)
    statuses = db.execute("SELECT DISTINCT status FROM alphapulse.sync_status").fetchall()
    assert statuses == [("completed",)]
    assert gaps(db) == []
