"""Binance accounts that stake ETH and SOL: what is swapped, redeemed and on its way is read, and
missed to the last digit where a list is not read."""

from collections.abc import Callable

from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.portfolio.reconciliation import refresh
from alphapulse_pipeline.settings.accounts import Account
from alphapulse_pipeline.settings.portfolio import PortfolioSettings
from alphapulse_pipeline.sync.session import open_session
from alphapulse_pipeline.sync.snapshots import snapshot
from alphapulse_pipeline.warehouse.writer import write
from alphapulse_pipeline_tests.conftest import NOW_MS
from alphapulse_pipeline_tests.sync.test_binance import HOUR, at, living
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
    "eth stakes": ("conversions", "conversion_id LIKE 'eth stake %'"),
    "sol stakes": ("conversions", "conversion_id LIKE 'sol stake %'"),
    "beth wraps": ("conversions", "conversion_id LIKE 'beth wrap %'"),
    "wbeth unwraps": ("conversions", "conversion_id LIKE 'wbeth unwrap %'"),
    "eth redemptions": ("transfers", "transfer_id LIKE 'eth redemption %'"),
    "sol redemptions": ("transfers", "transfer_id LIKE 'sol redemption %'"),
    "redeemed eth": ("conversions", "conversion_id LIKE 'eth redemption %'"),
    "redeemed sol": ("conversions", "conversion_id LIKE 'sol redemption %'"),
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


def test_what_is_staked_is_read_and_reconciled(make_account: Make, database: str, db: DB) -> None:
    with living(BINANCE_ACCOUNTS["staking"], days=DAYS, pace=0.2) as simulator:
        for hours in (*_BEFORE, 0):
            sync_all(at(simulator, make_account, hours, days=DAYS), database)
        truth = simulator.truth(NOW_MS, exchange="binance")
        swaps = simulator.world.staker.swaps.rows
    pending = [swap for swap in swaps if swap.happened_at <= NOW_MS < swap.arrives_at]
    assert pending
    for dataset in ("balances", "transfers", "conversions"):
        assert stored(db, dataset, "binance") == true(truth, dataset)
    found = windows(db)
    assert {state for _, state in found} == {"reconciled"}
    assert min(found["spot", "reconciled"], found["staking", "reconciled"]) > 1
    for name in LISTS:
        check_without(db, name)
    gaps = db.execute("SELECT dataset, stream FROM alphapulse.coverage_gaps").fetchall()
    assert set(gaps) == {(d, f"{s.list}s") for s in pending for d in ("conversions", "transfers")}


def test_an_account_that_stakes_nothing_is_asked_once_a_day(
    make_account: Make, database: str
) -> None:
    """And once more after the first snapshot; for each of the two histories that redemptions are
    in, and not for the balance."""
    with living(BINANCE_ACCOUNTS["spot only"], days=3, pace=0.1) as simulator:
        for hours in (2, 1, 0):
            sync_all(at(simulator, make_account, hours, days=3), database)
        paths = [seen.path for seen in simulator.requests]
    for coin in ("eth", "sol"):
        assert paths.count(f"/sapi/v1/{coin}-staking/{coin}/history/redemptionHistory") == 2 * 2


def test_when_the_last_redemption_has_arrived_the_empty_wallet_is_no_surprise(
    make_account: Make, database: str, db: DB
) -> None:
    with living(BINANCE_ACCOUNTS["staking"], days=DAYS, pace=0.2) as simulator:
        simulator.truth(NOW_MS, exchange="binance")  # lives until then
        swaps = simulator.world.staker.swaps.rows

        def on_its_way(hours: int) -> bool:
            moment = NOW_MS - hours * HOUR
            return any(s.happened_at <= moment < s.arrives_at for s in swaps)

        hours = range(DAYS * 24, -1, -1)
        before = next(h for h in hours if on_its_way(h) and not on_its_way(h - 1))
        for moment in (before, before - 1):
            account = at(simulator, make_account, moment, days=DAYS)
            with open_session(account, database, "test") as session:
                write(session.connection, snapshot(session, "balances"), "test")
    moments = db.execute(
        "SELECT count(*) FILTER (WHERE wallet = 'staking') > 0 FROM alphapulse.balances"
        " GROUP BY captured_at ORDER BY captured_at"
    ).fetchall()
    assert moments == [(True,), (False,)]
