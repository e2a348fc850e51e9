"""OKX's flexible loans: collateral and debt are read, and missed where the bills are not."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.portfolio.reconciliation import refresh
from alphapulse_pipeline.settings.accounts import Account
from alphapulse_pipeline.settings.portfolio import PortfolioSettings
from alphapulse_pipeline_tests.conftest import NOW_MS
from alphapulse_pipeline_tests.sync.test_binance_earn import check_without
from alphapulse_pipeline_tests.sync.test_okx_staking import Clock, states
from alphapulse_pipeline_tests.sync.truth import stored, sync_all, true
from exchange_simulator import Simulator, World, serve
from exchange_simulator.layout import OKX_ACCOUNTS
from exchange_simulator.markets import HOUR

Make = Callable[..., Account]
DB = Connection[TupleRow]
NOW = datetime.fromtimestamp(NOW_MS / 1000, UTC)
DAYS = 20


@contextmanager
def borrowing(clock: Clock, layout: str = "loans") -> Iterator[Simulator]:
    world = World(
        genesis=NOW - timedelta(DAYS), pace=0.2, exchange="okx", layout=OKX_ACCOUNTS[layout]
    )
    with serve(world, clock=clock, limits=False) as simulator:
        yield simulator


def deployed(simulator: Simulator, make_account: Make) -> Account:
    return make_account(
        simulator.url,
        exchange="okx",
        history_start=(NOW - timedelta(DAYS)).date(),
        datasets=["balances", "trades", "transfers", "funding", "conversions", "ledger"],
    )


def test_collateral_and_debt_are_read_and_reconciled(
    make_account: Make, database: str, db: DB
) -> None:
    clock = Clock()
    with borrowing(clock) as simulator:
        account = deployed(simulator, make_account)
        for _ in range(5):
            sync_all(account, database)
            clock.now += 19 * HOUR
        clock.now -= 19 * HOUR
        truth = simulator.truth(clock.now, exchange="okx")
    for dataset in ("balances", "transfers", "ledger"):
        assert stored(db, dataset, account.name) == true(truth, dataset), dataset
    [(collateral, debts)] = db.execute(
        "SELECT count(*) FILTER (WHERE total > 0 AND used = total), count(*) FILTER (WHERE debt > 0"
        " AND total = 0) FROM alphapulse.balances_latest WHERE wallet = 'loan'"
    ).fetchall()
    assert (collateral, debts) == (2, 2)
    kinds = db.execute(
        "SELECT DISTINCT wallet, kind, class FROM alphapulse.ledger"
        " WHERE kind IN ('212', '215', '217', '218')"
    ).fetchall()
    assert set(kinds) == {
        *(("funding", kind, "transfer") for kind in ("212", "215", "217", "218")),
        *(("loan", kind, "loan") for kind in ("217", "218")),
    }
    assert set(states(db)) <= {"reconciled", "pending"}
    assert states(db, "loan")["reconciled"] > 5
    check_without(db, "loans", "ledger WHERE wallet = 'loan'")
    assert db.execute("SELECT count(*) FROM alphapulse.rejected").fetchone() == (0,)
    assert db.execute("SELECT count(*) FROM alphapulse.coverage_gaps").fetchone() == (0,)


def test_an_account_that_never_borrowed_is_asked_once_a_day(
    make_account: Make, database: str, db: DB
) -> None:
    clock = Clock()
    with borrowing(clock, "earn") as simulator:
        account = deployed(simulator, make_account)
        for _ in range(3):
            sync_all(account, database)
            clock.now += HOUR
        asked = [seen.path for seen in simulator.requests if "flexible-loan" in seen.path]
    assert len(asked) == 2
    assert db.execute(
        "SELECT state FROM alphapulse.skipped WHERE dataset = '' AND part = 'loan'"
    ).fetchall() == [("not_enabled",)]
    refresh(db, PortfolioSettings())
    assert set(states(db)) <= {"reconciled", "pending", "unverifiable"}
