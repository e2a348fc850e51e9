"""Conversions of Binance: what they moved reconciles, and what is not read has its exact size."""

from collections.abc import Callable
from decimal import Decimal

from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.portfolio.reconciliation import refresh
from alphapulse_pipeline.settings.accounts import Account
from alphapulse_pipeline.settings.portfolio import PortfolioSettings
from alphapulse_pipeline_tests.conftest import NOW_MS
from alphapulse_pipeline_tests.sync.test_binance import at, living
from alphapulse_pipeline_tests.sync.truth import stored, sync_all, true
from exchange_simulator.layout import BINANCE_ACCOUNTS

Make = Callable[..., Account]
DB = Connection[TupleRow]
DAYS = 12
_BEFORE = 8 * 24
"""Hours of the first snapshot before the last."""


def test_conversions_reconcile_and_are_missed_to_the_last_digit(
    make_account: Make, database: str, db: DB
) -> None:
    with living(BINANCE_ACCOUNTS["conversions"], days=DAYS, pace=0.2) as simulator:
        for hours in (_BEFORE, 0):
            sync_all(at(simulator, make_account, hours, days=DAYS), database)
        truth = simulator.truth(NOW_MS, exchange="binance")
    assert stored(db, "conversions", "binance") == true(truth, "conversions")
    assert _differences(db) == {}

    window = "happened_at > (SELECT min(captured_at) FROM alphapulse.snapshots)"
    moved = db.execute(
        "SELECT asset, sum(amount) FROM portfolio.movements"
        f" WHERE dataset = 'conversions' AND {window} GROUP BY asset HAVING sum(amount) <> 0"
    ).fetchall()
    assert len(moved) > 1
    db.execute("DELETE FROM alphapulse.conversions")
    assert _differences(db) == dict(moved)


def _differences(db: DB) -> dict[str, Decimal]:
    """Asset of the spot wallet -> what nothing explains, in whichever state its window is."""
    refresh(db, PortfolioSettings())
    found = db.execute(
        "SELECT wallet, asset, state, residual FROM portfolio.reconciliation"
        " WHERE residual <> 0 OR state <> 'reconciled'"
    ).fetchall()
    assert {wallet for wallet, *_ in found} <= {"spot"}
    return {asset: residual for _, asset, _, residual in found}
