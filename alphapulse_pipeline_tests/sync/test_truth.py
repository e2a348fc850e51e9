"""What is stored equals what happened: set equality with the simulator's own books."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.exchange.feed import to_milliseconds
from alphapulse_pipeline.exchange.venues import VENUES
from alphapulse_pipeline.settings.accounts import Account
from alphapulse_pipeline.sync.session import supported
from alphapulse_pipeline_tests.conftest import NOW_MS
from alphapulse_pipeline_tests.sync.truth import (
    IN_THE_BOOKS,
    kept,
    still_served,
    stored,
    sync_all,
    true,
    true_candles,
    unreachable,
    wrongly_unreachable,
)
from exchange_simulator import EXCHANGES, Simulator, World, serve

Make = Callable[..., Account]


@contextmanager
def living(world: World) -> Iterator[Simulator]:
    """A simulator whose clock stands still in the middle of a day."""
    with serve(world, clock=lambda: NOW_MS, limits=False) as simulator:
        yield simulator


def check(
    simulator: Simulator, account: Account, url: str, db: Connection[TupleRow], now: int
) -> None:
    """Sync everything, and find what is stored equal to what is true, dataset by dataset.

    Only rows that the exchange no longer serves, or stops serving within the hour, may be missing,
    and their time must be marked as unreachable.
    """
    sync_all(account, url)
    exchange = account.settings.exchange
    at = datetime.fromtimestamp(now / 1000, UTC)
    truth = simulator.truth(now, exchange=exchange) | {"exchange": exchange}
    for dataset in supported(account):
        if dataset in IN_THE_BOOKS:
            found, wanted = stored(db, dataset, account.name), true(truth, dataset)
            assert found <= wanted, dataset
            if missing := wanted - found:
                served = still_served(exchange, dataset, missing, at)
                assert not served, f"{dataset}: {len(served)} rows that {exchange} still serves"
                assert unreachable(db, dataset, account.name, missing) == missing, dataset
    wrong = wrongly_unreachable(db, account.name, exchange, at)
    assert not wrong, f"unreachable, although {exchange} still serves it: {wrong}"
    prices = {
        (row["market"], name, Decimal(row[name]))
        for row in truth["prices"]
        for name in ("last", "bid", "ask")
    }
    reported = db.execute("SELECT market, last, bid, ask FROM alphapulse.prices_latest").fetchall()
    assert reported
    for market, *values in reported:
        for name, value in zip(("last", "bid", "ask"), values, strict=True):
            # Binance's futures tell no bid and no ask with their last prices
            assert value is None or (market, name, value) in prices
    check_candles(simulator.world.on(exchange), account, db, at)
    gaps = db.execute(
        "SELECT dataset, stream, gap, reason FROM alphapulse.coverage_gaps"
    ).fetchall()
    assert gaps == []


def check_candles(world: World, account: Account, db: Connection[TupleRow], now: datetime) -> None:
    """All days that are over, of the markets that price what was held and of no others."""
    found = stored(db, "candles", account.name)
    markets = {market for market, *_ in found}
    wanted = true_candles(world, markets, account.settings.history_start, now)
    assert found <= wanted
    missing = wanted - found
    assert unreachable(db, "candles", account.name, missing) == missing
    if missing:  # Kraken serves the last 720 days
        assert account.settings.exchange == "kraken"
        assert max(row[2] for row in missing) < now - timedelta(days=718)
    lost = db.execute(
        "SELECT DISTINCT stream FROM alphapulse.coverage_unreachable WHERE dataset = 'candles'"
        " AND reason LIKE '%does not know the market'"
    ).fetchall()
    unlisted = {stream.removeprefix("spot ") for (stream,) in lost}
    assert not any(world.catalogue.by_name[name].listed(to_milliseconds(now)) for name in unlisted)
    held = {row[0] for row in db.execute("SELECT DISTINCT asset FROM portfolio.movements")}
    assert {"BTC", "ETH"} <= {market.partition("/")[0] for market in markets} <= held


@pytest.mark.parametrize("exchange", EXCHANGES)
def test_tables_equal_the_truth(
    exchange: str, simulator: Simulator, make_account: Make, database: str, db: Connection[TupleRow]
) -> None:
    account = make_account(simulator.url, exchange, exchange=exchange)
    check(simulator, account, database, db, NOW_MS)


@pytest.mark.parametrize("exchange", EXCHANGES)
def test_sources_know_how_long_their_exchange_serves_them(exchange: str) -> None:
    for dataset, sources in VENUES[exchange].histories.items():
        for stream, source in sources.items():
            known = source.kept or source.feed.horizon
            assert known == kept(exchange, dataset, stream), (dataset, stream)


@pytest.mark.parametrize(
    ("exchange", "dataset", "stream", "what"),
    [
        pytest.param("bybit", "trades", "linear", "trades: .* still serves", id="rows missing"),
        pytest.param("okx", "trades", "margin", "unreachable, although", id="no rows missing"),
        pytest.param("okx", "ledger", "trading", "ledger: .* still serves", id="ledger"),
    ],
)
def test_the_check_finds_a_retention_that_is_too_short(
    exchange: str,
    dataset: str,
    stream: str,
    what: str,
    simulator: Simulator,
    make_account: Make,
    database: str,
    db: Connection[TupleRow],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A source that believes in one day loses rows, and marks their time as unreachable."""
    venue = VENUES[exchange]
    source = venue.histories[dataset][stream]
    wrong = replace(source, feed=replace(source.feed, horizon=timedelta(days=1)))
    streams = {**venue.histories[dataset], stream: wrong}
    histories = {**venue.histories, dataset: streams}
    monkeypatch.setitem(VENUES, exchange, replace(venue, histories=histories))
    account = make_account(simulator.url, exchange, exchange=exchange)
    with pytest.raises(AssertionError, match=what):
        check(simulator, account, database, db, NOW_MS)


@pytest.mark.nightly
@pytest.mark.parametrize("exchange", EXCHANGES)
def test_two_years_equal_the_truth(
    exchange: str, make_account: Make, database: str, db: Connection[TupleRow]
) -> None:
    """With bursts of fills in one millisecond, every kind of market, and one that was delisted."""
    genesis = datetime.fromtimestamp(NOW_MS / 1000, UTC) - timedelta(days=729)
    with living(World(seed=11, genesis=genesis, ties=130)) as simulator:
        account = make_account(
            simulator.url, exchange, exchange=exchange, history_start=genesis.date()
        )
        check(simulator, account, database, db, NOW_MS)


def test_what_is_held_has_prices(
    simulator: Simulator, make_account: Make, database: str, db: Connection[TupleRow]
) -> None:
    sync_all(make_account(simulator.url, history_start=date(2026, 10, 14)), database)
    positions = simulator.truth(NOW_MS)["positions"]
    markets = {
        row[0] for row in db.execute("SELECT market FROM alphapulse.prices_latest").fetchall()
    }
    assert {p["market"] for p in positions if "-" not in p["market"]} <= markets
