"""Exchanges with awkward but valid behavior: no row is lost."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.datasets import HISTORIES
from alphapulse_pipeline.settings.accounts import Account
from alphapulse_pipeline.sync.histories import history, whole_history
from alphapulse_pipeline.sync.session import open_session, supported
from alphapulse_pipeline.warehouse.writer import write
from alphapulse_pipeline_tests.conftest import NOW_MS
from alphapulse_pipeline_tests.sync.truth import COLUMNS, stored, true, unreachable
from exchange_simulator import EXCHANGES, Simulator, Timing, World, serve

Make = Callable[..., Account]

GENESIS = datetime(2026, 10, 10, tzinfo=UTC)
MINUTE = 60_000
DAY = 24 * 60 * MINUTE


def sync(
    simulator: Simulator,
    make: Make,
    url: str,
    exchange: str,
    now: int,
    start: datetime = GENESIS,
) -> Account:
    """All histories, at a time."""
    simulator.set_clock(lambda: now)
    account = make(simulator.url, exchange, exchange=exchange, history_start=start.date())
    shift = account.settings.options["timeDifference"] - (now - NOW_MS)
    options = {**account.settings.options, "timeDifference": shift}
    account = make(
        simulator.url,
        exchange,
        exchange=exchange,
        history_start=start.date(),
        options=options,
    )
    with open_session(account, url, f"at {now}") as session:
        for dataset in supported(account):
            if dataset in HISTORIES:
                batches = history(session, dataset, whole_history(session), fill=True)
                write(session.connection, batches, "run")
    return account


@pytest.mark.parametrize("exchange", EXCHANGES)
@pytest.mark.parametrize(
    "timing",
    [
        pytest.param(
            Timing(late_share=Decimal("0.4"), late_by=20_000), id="late", marks=pytest.mark.nightly
        ),
        pytest.param(Timing(clock_step=700), id="hurried", marks=pytest.mark.nightly),
        pytest.param(Timing(late_share=Decimal("0.4"), late_by=20_000, clock_step=300), id="both"),
    ],
)
def test_rows_that_come_late_or_meanwhile_are_not_lost(
    exchange: str, timing: Timing, make_account: Make, database: str, db: Connection[TupleRow]
) -> None:
    world = World(seed=5, genesis=GENESIS, pace=6)  # hundreds of fills a day
    with serve(world, clock=lambda: NOW_MS, timing=timing, limits=False) as simulator:
        for minutes in (0, 3, 6):
            sync(simulator, make_account, database, exchange, NOW_MS + minutes * MINUTE)
        simulator.set_timing(Timing())
        end = NOW_MS + 30 * MINUTE
        account = sync(simulator, make_account, database, exchange, end)
        truth = simulator.truth(end, exchange=exchange) | {"exchange": exchange}
        for dataset in supported(account):
            if dataset in HISTORIES and dataset in COLUMNS:
                found, wanted = stored(db, dataset, exchange), true(truth, dataset)
                assert wanted <= found, dataset


def test_rows_that_the_exchange_drops_meanwhile_are_unreachable(
    make_account: Make, database: str, db: Connection[TupleRow]
) -> None:
    """The oldest rows are dropped while pages are read: they are marked, never covered."""
    start = datetime.fromtimestamp(NOW_MS / 1000, UTC) - timedelta(days=100)
    world = World(seed=5, genesis=start)
    timing = Timing(history_start=NOW_MS - 90 * DAY, history_step=MINUTE // 12)
    with serve(world, clock=lambda: NOW_MS, timing=timing, limits=False) as simulator:
        account = sync(simulator, make_account, database, "okx", NOW_MS, start)
        truth = simulator.truth(NOW_MS, exchange="okx")
        for dataset in ("trades", "orders", "funding", "ledger"):
            found, wanted = stored(db, dataset, account.name), true(truth, dataset)
            assert found <= wanted
            assert unreachable(db, dataset, account.name, wanted - found) == wanted - found
        row = db.execute("SELECT count(*) FROM alphapulse.coverage_unreachable").fetchone()
        assert row is not None
        assert row[0] > 0
