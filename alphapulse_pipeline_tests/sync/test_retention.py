"""After a downtime, nothing counts as complete that the exchange no longer served."""

import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.exchange.venues import VENUES
from alphapulse_pipeline.settings.accounts import Account
from alphapulse_pipeline.sync.histories import history, whole_history
from alphapulse_pipeline.sync.session import open_session
from alphapulse_pipeline.warehouse.writer import write
from alphapulse_pipeline_tests.conftest import GENESIS, NOW_MS
from exchange_simulator import World, serve

Make = Callable[..., Account]
EXCHANGES = ("bybit", "binance", "okx", "kraken")
DOWNTIMES = (timedelta(hours=1), timedelta(hours=3), timedelta(days=2), timedelta(days=100))


@pytest.fixture(scope="module")
def quiet_world() -> World:
    """With few orders, since more than a hundred days are read."""
    return World(seed=7, genesis=GENESIS, pace=0.2)


@pytest.mark.parametrize("exchange", EXCHANGES)
def test_a_downtime_longer_than_the_retention_is_never_covered(
    exchange: str, quiet_world: World, make_account: Make, database: str, db: Connection[TupleRow]
) -> None:
    now = NOW_MS
    with serve(quiet_world, clock=lambda: now, limits=False) as simulator:
        start = (datetime.fromtimestamp(NOW_MS / 1000, UTC) - timedelta(days=1)).date()
        _sync(_account(make_account, simulator.url, exchange, start, now), database)
        for downtime in DOWNTIMES:
            went_down = _time(now)
            now += downtime // timedelta(milliseconds=1)
            _sync(_account(make_account, simulator.url, exchange, start, now), database)
            for dataset, sources in VENUES[exchange].histories.items():
                for stream, source in sources.items():
                    kept = source.feed.horizon or source.kept
                    if not kept:
                        continue  # kept forever, or no page says how long
                    served = _time(now) - kept
                    covered = _covered(db, dataset, stream, went_down, served)
                    assert covered == [], (downtime, kept)


def _account(make: Make, url: str, exchange: str, start: date, now: int) -> Account:
    """The account, signing its requests at `now`: the simulated clock has moved on."""
    late = {"okx": 25_000, "binance": 50_000}.get(exchange, 500_000)
    options = {
        "timeDifference": time.time_ns() // 1_000_000 - now + late,
        "recvWindow": late + 9_000,
    }
    return make(url, exchange, exchange=exchange, history_start=start, options=options)


def _covered(
    db: Connection[TupleRow], dataset: str, stream: str, start: datetime, end: datetime
) -> list[TupleRow]:
    """What is covered between `start` and `end`, in a stream or the streams of its markets."""
    if start >= end:
        return []
    return db.execute(
        "SELECT stream, (covered * tstzmultirange(tstzrange(%s, %s)))::text"
        " FROM alphapulse.coverage WHERE account <> '' AND dataset = %s"
        " AND (stream = %s OR starts_with(stream, %s))"
        " AND covered && tstzrange(%s, %s)",
        [start, end, dataset, stream, f"{stream} ", start, end],
    ).fetchall()


def _sync(account: Account, url: str) -> None:
    with open_session(account, url, "test") as session:
        for dataset in VENUES[account.settings.exchange].histories:
            batches = history(session, dataset, whole_history(session), fill=True)
            write(session.connection, batches, "test")


def _time(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
