"""Binance's accounts as users have them: the tables equal the simulator's books."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.settings.accounts import Account
from alphapulse_pipeline.sync.histories import history, whole_history
from alphapulse_pipeline.sync.session import open_session
from alphapulse_pipeline.warehouse.writer import write
from alphapulse_pipeline_tests.conftest import NOW_MS
from alphapulse_pipeline_tests.sync.truth import stored, true
from exchange_simulator import Simulator, World, serve
from exchange_simulator.layout import Layout

Make = Callable[..., Account]
HOUR = 3_600_000
BEGAN = datetime.fromtimestamp(NOW_MS / 1000, UTC) - timedelta(days=4)


@contextmanager
def living(layout: Layout | None = None, **world: object) -> Iterator[Simulator]:
    """An account of four days at `NOW_MS`, where its clock stands still."""
    young = World(genesis=BEGAN, layout=layout, **world)  # type: ignore[arg-type]
    with serve(young, clock=lambda: NOW_MS, limits=False) as simulator:
        yield simulator


@pytest.mark.parametrize("dataset", ["funding", "ledger"])
def test_forty_positions_are_paid_in_one_millisecond(
    dataset: str, make_account: Make, database: str, db: Connection[TupleRow]
) -> None:
    """The second run finds the rows of one payment, and nothing else."""
    with living(extra_markets=80, holds_extra=True, pace=0) as simulator:
        account = make_account(
            simulator.url, "binance", exchange="binance", history_start=BEGAN.date()
        )
        for hours in (10, 0):
            simulator.set_clock(lambda hours=hours: NOW_MS - hours * HOUR)
            with open_session(account, database, "test") as session:
                rows = history(session, dataset, whole_history(session), fill=True)
                write(session.connection, rows, "test")
        truth = simulator.truth(NOW_MS, exchange="binance")
    wanted = true(truth, dataset)
    assert len(wanted) > 40
    assert stored(db, dataset, "binance") == wanted
    gaps = "SELECT stream FROM alphapulse.coverage_gaps WHERE dataset = %s"
    assert db.execute(gaps, [dataset]).fetchall() == []
