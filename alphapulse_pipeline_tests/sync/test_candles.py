"""Candles are the simulator's prices, of the days that are over and of the markets that price what
the account held."""

import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.settings.accounts import Account
from alphapulse_pipeline.sync.histories import history, whole_history
from alphapulse_pipeline.sync.price_markets import on_paths
from alphapulse_pipeline.sync.session import open_session
from alphapulse_pipeline.warehouse.sync_state import Market
from alphapulse_pipeline.warehouse.writer import write
from alphapulse_pipeline_tests.conftest import GENESIS, NOW_MS
from alphapulse_pipeline_tests.sync.truth import sync_all
from exchange_simulator import EXCHANGES, Simulator, World, serve

Make = Callable[..., Account]
DB = Connection[TupleRow]
DAY = timedelta(days=1)
TODAY = datetime(2026, 10, 15, tzinfo=UTC)
_CANDLES = "SELECT market, day, opened_at, close FROM alphapulse.candles ORDER BY market, opened_at"
_GAPS = "SELECT stream, gap, reason FROM alphapulse.coverage_gaps WHERE dataset = 'candles'"


def sync_candles(account: Account, url: str) -> tuple[int, int]:
    """(rows, requests)"""
    with open_session(account, url, "test") as session:
        session.markets  # noqa: B018  not counted
        before = session.client.requests
        batches = history(session, "candles", whole_history(session), fill=True)
        rows = write(session.connection, batches, "test").rows
        return rows, session.client.requests - before


@pytest.mark.parametrize("exchange", EXCHANGES)
def test_candles_are_the_prices_of_the_exchange(
    exchange: str, simulator: Simulator, make_account: Make, database: str, db: DB
) -> None:
    account = make_account(simulator.url, exchange, exchange=exchange)
    sync_all(account, database)
    world = simulator.world.on(exchange)
    rows = db.execute(_CANDLES).fetchall()
    markets = {market for market, *_ in rows}
    assert {"BTC/USDT", "ETH/USDT"} <= markets
    days = [GENESIS + n * DAY for n in range((TODAY - GENESIS).days)]
    for market in markets:
        found = [(day, opened, close) for name, day, opened, close in rows if name == market]
        assert [opened for _, opened, _ in found] == days
        for day, opened, close in found:
            last = int((opened + DAY).timestamp() * 1000) - 1
            assert (day, close) == (
                f"{opened:%Y-%m-%d}",
                world.prices.last(world.catalogue.by_name[market], last),
            )
    assert db.execute(_GAPS).fetchall() == []
    # of a hundred markets and more, those of what was held
    held = {row[0] for row in db.execute("SELECT DISTINCT asset FROM portfolio.movements")}
    assert {m.split("/")[0] for m in markets} <= held
    assert sync_candles(account, database) == (0, 1)  # for the exchange's time


def test_a_day_is_requested_once_it_is_over(
    world: World, make_account: Make, database: str, db: DB
) -> None:
    clock = [NOW_MS]
    with serve(world, clock=lambda: clock[0], limits=False) as simulator:
        behind = time.time_ns() // 1_000_000 - NOW_MS + 60_000
        options = {"timeDifference": behind, "recvWindow": 400_000_000}
        account = make_account(simulator.url, options=options, history_start=date(2026, 10, 1))
        sync_all(account, database)
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
            written, requests = sync_candles(account, database)
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
