"""Rebates of a Binance account: all of them are read, and equal ones are told apart."""

from collections import Counter
from collections.abc import Callable

from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.settings.accounts import Account
from alphapulse_pipeline_tests.conftest import NOW_MS
from alphapulse_pipeline_tests.sync.test_binance import at, living
from alphapulse_pipeline_tests.sync.test_binance_earn import check_without, windows
from alphapulse_pipeline_tests.sync.truth import sync_all
from exchange_simulator.layout import BINANCE_ACCOUNTS

Make = Callable[..., Account]
DB = Connection[TupleRow]
DAYS = 9
_KINDS = {"rebate": "COMMISSION_REBATE", "kickback": "REFERRAL_KICKBACK"}


def test_rebates_are_read_and_reconciled(make_account: Make, database: str, db: DB) -> None:
    with living(BINANCE_ACCOUNTS["rebates"], days=DAYS, pace=0.1) as simulator:
        for hours in (100, 60, 0):
            sync_all(at(simulator, make_account, hours, days=DAYS), database)
        rebates = [r for r in simulator.world.referrer.rebates.rows if r.happened_at <= NOW_MS]
    # more than one page, and rows that differ in nothing
    assert len(rebates) > 400
    wanted = Counter((r.happened_at, _KINDS[r.product], r.asset, r.amount) for r in rebates)
    assert max(wanted.values()) > 1
    read = db.execute(
        "SELECT happened_at, kind, asset, amount FROM alphapulse.ledger WHERE class = 'reward'"
    ).fetchall()
    assert Counter((int(t.timestamp() * 1000), *rest) for t, *rest in read) == wanted
    assert {state for _, state in windows(db)} == {"reconciled"}
    check_without(db, "rebates", "ledger WHERE wallet = 'spot'")
    assert db.execute("SELECT count(*) FROM alphapulse.coverage_gaps").fetchone() == (0,)
