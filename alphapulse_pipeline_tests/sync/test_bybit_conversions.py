"""Conversions of Bybit: all are read, and each counts once, although the ledgers book them too."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.exchange.feed import to_time
from alphapulse_pipeline.exchange.venues import VENUES
from alphapulse_pipeline.portfolio.reconciliation import refresh
from alphapulse_pipeline.settings.accounts import Account
from alphapulse_pipeline.settings.portfolio import PortfolioSettings
from alphapulse_pipeline_tests.conftest import NOW_MS
from alphapulse_pipeline_tests.sync.test_bybit_earn import Clock, deployed, served
from alphapulse_pipeline_tests.sync.test_truth import check
from alphapulse_pipeline_tests.sync.truth import stored, sync_all, true
from exchange_simulator import Key, World
from exchange_simulator.keys import ALL_SCOPES
from exchange_simulator.layout import BYBIT_CONVERSIONS
from exchange_simulator.markets import DAY

Make = Callable[..., Account]
DB = Connection[TupleRow]
START = to_time(NOW_MS) - timedelta(days=50)
DAYS = 4


@pytest.fixture(scope="module")
def converter() -> World:
    """Converts in both wallets, small balances as well."""
    return World(seed=5, genesis=START, pace=0.2, layout=BYBIT_CONVERSIONS)


def test_every_conversion_is_read_and_counts_once(
    converter: World, make_account: Make, database: str, db: DB
) -> None:
    clock = Clock()
    with served(converter, clock) as simulator:
        account = deployed(simulator, make_account)
        check(simulator, account, database, db, clock.now)
        for _ in range(DAYS):
            clock.now += DAY
            sync_all(account, database)
        truth = simulator.truth(clock.now)
    assert stored(db, "conversions", account.name) == true(truth, "conversions")
    kinds = dict(
        db.execute("SELECT kind || ' ' || wallet, count(*) FROM alphapulse.conversions GROUP BY 1")
    )
    assert kinds.keys() == {"convert unified", "convert funding", "dust unified"}
    assert min(kinds.values()) > 10, kinds
    booked = db.execute("SELECT count(*) FROM alphapulse.ledger WHERE class = 'conversion'")
    assert booked.fetchone() == (2 * sum(kinds.values()),)
    counted = db.execute(
        "SELECT DISTINCT dataset FROM portfolio.movements WHERE part = 'conversions'"
    )
    assert counted.fetchall() == [("conversions",)]
    assert _not_reconciled(db) == {}
    states: dict[str, int] = dict(
        db.execute("SELECT state, count(*) FROM portfolio.reconciliation GROUP BY state").fetchall()
    )
    assert states["reconciled"] > 20


def _not_reconciled(db: DB) -> dict[str, Decimal]:
    refresh(db, PortfolioSettings())
    found = db.execute(
        "SELECT wallet || ' ' || asset, residual FROM portfolio.reconciliation"
        " WHERE state NOT IN ('reconciled', 'pending') OR residual <> 0"
    ).fetchall()
    return dict(found)
