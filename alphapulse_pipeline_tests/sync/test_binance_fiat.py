"""Binance accounts that pay in and out of the exchange in fiat money: what is moved is read,
counted once, and missed to the last digit where a list is not read."""

from collections.abc import Callable

from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.portfolio.reconciliation import refresh
from alphapulse_pipeline.settings.accounts import Account
from alphapulse_pipeline.settings.portfolio import PortfolioSettings
from alphapulse_pipeline_tests.conftest import NOW_MS
from alphapulse_pipeline_tests.sync.test_binance import at, living
from alphapulse_pipeline_tests.sync.test_binance_earn import windows
from alphapulse_pipeline_tests.sync.truth import stored, sync_all, true
from exchange_simulator.layout import BINANCE_ACCOUNTS

Make = Callable[..., Account]
DB = Connection[TupleRow]
DAYS = 12
_BEFORE = (8 * 24, 100)
"""Hours of the first snapshots before the last."""
_ID = {"transfers": "transfer_id", "conversions": "conversion_id"}
# list -> (table, its rows)
LISTS = {
    "fiat deposits": ("transfers", "kind = 'deposit' AND raw ->> 'method' = 'BankAccount'"),
    "fiat withdrawals": ("transfers", "kind = 'withdrawal' AND raw ->> 'method' = 'BankAccount'"),
    "purchases from outside": ("transfers", "transfer_id LIKE 'purchase %'"),
    "purchases": ("conversions", "kind = 'buy' AND from_asset = 'EUR'"),
    "sales": ("conversions", "kind = 'buy' AND to_asset = 'EUR'"),
    "p2p purchases": ("transfers", "raw ->> 'tradeType' = 'BUY'"),
    "p2p sales": ("transfers", "raw ->> 'tradeType' = 'SELL'"),
    "pay": ("transfers", "transfer_id LIKE 'pay %'"),
}


def check_without(db: DB, name: str) -> None:
    """Without the rows of a list, as if it were not read, exactly what they moved is missing."""
    table, rows = LISTS[name]
    with db.transaction(force_rollback=True):
        moved = db.execute(
            f"""
            SELECT wallet, asset, sum(amount) FROM portfolio.movements
            WHERE dataset = '{table}' AND entry IN (
                SELECT kind || ' ' || {_ID[table]} FROM alphapulse.{table} WHERE {rows}
            ) AND happened_at > (
                SELECT min(captured_at) FROM alphapulse.snapshots WHERE dataset = 'balances'
            )
            GROUP BY wallet, asset HAVING sum(amount) <> 0
            """.encode()
        ).fetchall()
        db.execute(f"DELETE FROM alphapulse.{table} WHERE {rows}".encode())
        refresh(db, PortfolioSettings())
        missing = db.execute(
            "SELECT wallet, asset, sum(difference) FROM portfolio.reconciliation"
            " WHERE state <> 'reconciled' GROUP BY wallet, asset HAVING sum(difference) <> 0"
        ).fetchall()
        assert moved, name
        assert sorted(missing) == sorted(moved), name


def test_fiat_money_is_read_and_reconciled(make_account: Make, database: str, db: DB) -> None:
    with living(BINANCE_ACCOUNTS["fiat"], days=DAYS, pace=0.2) as simulator:
        for hours in (*_BEFORE, 0):
            sync_all(at(simulator, make_account, hours, days=DAYS), database)
        truth = simulator.truth(NOW_MS, exchange="binance")
    for dataset in ("balances", "transfers", "conversions"):
        assert stored(db, dataset, "binance") == true(truth, dataset)
    statuses = db.execute("SELECT DISTINCT status FROM alphapulse.sync_status").fetchall()
    assert statuses == [("completed",)]
    found = windows(db)
    assert {state for _, state in found} == {"reconciled"}
    assert min(found["spot", "reconciled"], found["funding", "reconciled"]) > 1
    for name in LISTS:
        check_without(db, name)
    assert db.execute("SELECT count(*) FROM alphapulse.coverage_gaps").fetchone() == (0,)


def test_what_is_read_once_a_day_is_no_break_until_then(
    make_account: Make, database: str, db: DB
) -> None:
    days, states = 4, list[set[str]]()
    with living(BINANCE_ACCOUNTS["fiat"], days=days, pace=0.2) as simulator:
        for hours in (62, 60, 44, 0):  # read once more after the first snapshot
            sync_all(at(simulator, make_account, hours, days=days), database)
            states.append({state for _, state in windows(db)})
    assert states == [set(), {"reconciled"}, {"reconciled", "pending"}, {"reconciled"}]
