"""Candles are requested once a day, of few markets. That they are true is tested with the other
tables."""

import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.datasets import SNAPSHOTS
from alphapulse_pipeline.settings.accounts import Account
from alphapulse_pipeline.sync.histories import history, whole_history
from alphapulse_pipeline.sync.price_markets import on_paths
from alphapulse_pipeline.sync.session import open_session
from alphapulse_pipeline.sync.snapshots import snapshot
from alphapulse_pipeline.warehouse.sync_state import Market
from alphapulse_pipeline.warehouse.writer import write
from alphapulse_pipeline_tests.conftest import NOW_MS
from exchange_simulator import World, serve

Make = Callable[..., Account]
DB = Connection[TupleRow]
DAY = timedelta(days=1)
TODAY = datetime(2026, 10, 15, tzinfo=UTC)


def sync(account: Account, url: str, dataset: str) -> tuple[int, int]:
    """(rows, requests)"""
    with open_session(account, url, "test") as session:
        session.markets  # noqa: B018  not counted
        before = session.client.requests
        batches = (
            snapshot(session, dataset)
            if dataset in SNAPSHOTS
            else history(session, dataset, whole_history(session), fill=True)
        )
        rows = write(session.connection, batches, "test").rows
        return rows, session.client.requests - before


def test_a_day_is_requested_once_it_is_over(
    world: World, make_account: Make, database: str, db: DB
) -> None:
    clock = [NOW_MS]
    with serve(world, clock=lambda: clock[0], limits=False) as simulator:
        behind = time.time_ns() // 1_000_000 - NOW_MS + 60_000
        options = {"timeDifference": behind, "recvWindow": 400_000_000}
        account = make_account(simulator.url, options=options, history_start=date(2026, 10, 1))
        for dataset in ("balances", "trades", "candles"):
            sync(account, database, dataset)
        markets = len(db.execute("SELECT DISTINCT market FROM alphapulse.candles").fetchall())
        before_midnight = int((TODAY + DAY).timestamp() * 1000) - 1
        for now, rows in [
            (before_midnight, 0),
            (before_midnight + 4 * 60_000, 0),  # within the lag
            (before_midnight + 6 * 60_000, markets),
            (before_midnight + 7 * 60_000, 0),
        ]:
            clock[0] = now
            # the first request is for the exchange's time
            written, requests = sync(account, database, "candles")
            assert (written, requests) == (rows, 1 + rows)


def _market(name: str, *, active: bool = True) -> Market:
    base, quote = name.split("/")
    return Market(name, name, "spot", base, quote, active, False)


def test_paths_are_short_and_listed() -> None:
    markets = [
        *map(_market, ("BTC/USD", "BTC/USDT", "ETH/BTC", "ETH/USDT", "USDT/USD", "DOGE/ETH")),
        _market("FTM/USDT", active=False),
        _market("FTM/BTC"),
        _market("OLD/USDT", active=False),
    ]
    assert on_paths({"ETH"}, "USD", markets) == {"ETH/USDT", "USDT/USD"}
    assert on_paths({"USD"}, "USD", markets) == set()
    assert on_paths({"FTM"}, "USD", markets) == {"FTM/BTC", "BTC/USD"}
    assert on_paths({"OLD"}, "USD", markets) == {"OLD/USDT", "USDT/USD"}
    assert on_paths({"DOGE"}, "USD", markets) == set()
    assert on_paths({"ETH", "USD"}, "BTC", markets) == {"ETH/BTC", "BTC/USD"}
    # without a market in the reporting currency, to a stablecoin
    tethered = [m for m in markets if m.quote != "USD"]
    assert on_paths({"BTC", "USDT"}, "USD", tethered) == {"BTC/USDT"}
    assert on_paths({"BTC"}, "USD", []) == set()
