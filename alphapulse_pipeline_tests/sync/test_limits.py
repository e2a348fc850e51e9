"""Syncs within an exchange's limits, which pass faster than in reality, as does the client's time
for them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import date
from threading import Event, Thread

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.exchange import ccxt_client, rate_limit
from alphapulse_pipeline.exchange.client import open_client
from alphapulse_pipeline.exchange.client_config import client_config
from alphapulse_pipeline.exchange.errors import ExchangeFailure, Kind, kind_of
from alphapulse_pipeline.exchange.venues import VENUES
from alphapulse_pipeline.exchange.venues.limits import kraken
from alphapulse_pipeline.settings.accounts import Account
from alphapulse_pipeline_tests.conftest import GENESIS, NOW_MS
from alphapulse_pipeline_tests.sync.truth import stored, sync_all, true
from exchange_simulator import Traffic, World, serve
from exchange_simulator.traffic import Tier

Make = Callable[..., Account]
SPEED = 30


@pytest.fixture(autouse=True)
def limited(hasty: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """With rate limits, unlike in other tests, and `SPEED` times as fast as documented."""
    for name, venue in VENUES.items():
        monkeypatch.setitem(VENUES, name, replace(venue, settings={"enableRateLimit": True}))
    for name in ("COUNTER", "ADDRESS"):
        limit = getattr(kraken, name)
        monkeypatch.setattr(kraken, name, replace(limit, amount=SPEED * limit.amount))
    monkeypatch.setattr(rate_limit, "DEFAULT_WAIT", 1 / SPEED)


@pytest.fixture(scope="module")
def world() -> World:
    """A few hundred fills."""
    return World(seed=7, genesis=GENESIS, pace=0.1)


@pytest.fixture
def throttled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The errors by which the exchange throttled us."""
    seen: list[str] = []
    decide = ccxt_client._Retries.__call__

    def note(self: ccxt_client._Retries, error: Exception) -> bool | float:
        if kind_of(error) is Kind.THROTTLED:
            seen.append(str(error))
        return decide(self, error)

    monkeypatch.setattr(ccxt_client._Retries, "__call__", note)
    return seen


@pytest.mark.parametrize("tier", ["starter", "pro"])
def test_a_first_sync_stays_within_krakens_counter(
    tier: Tier,
    world: World,
    make_account: Make,
    database: str,
    db: Connection[TupleRow],
    throttled: list[str],
) -> None:
    traffic = Traffic(speed=SPEED, kraken_tier=tier)
    with serve(world, clock=lambda: NOW_MS, traffic=traffic) as simulator:
        account = make_account(simulator.url, "kraken", exchange="kraken")
        sync_all(account, database)
        truth = simulator.truth(NOW_MS, exchange="kraken") | {"exchange": "kraken"}
        histories = [r for r in simulator.requests if r.path.endswith(("Ledgers", "TradesHistory"))]
    assert len(truth["trades"]) > 300
    assert len(truth["ledger"]) > 600
    assert 2 * len(histories) > 3 * 15
    for dataset in ("trades", "orders", "transfers", "ledger"):
        assert stored(db, dataset, "kraken") == true(truth, dataset)
    assert db.execute("SELECT count(*) FROM alphapulse.coverage_gaps").fetchone() == (0,)
    assert throttled == []


@contextmanager
def other_program(account: Account) -> Iterator[None]:
    """Uses the same key for as much of the counter as it gets, for a while."""
    stop = Event()

    def use() -> None:
        with open_client(client_config(account, "other")) as client:
            client.disable_retries()
            client.ccxt.enableRateLimit = False
            while not stop.wait(6 / SPEED):
                with suppress(ExchangeFailure):
                    client.run(client.request, "privatePostBalance", {})

    thread = Thread(target=use)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def test_a_sync_goes_on_after_another_program_has_used_up_the_counter(
    world: World,
    make_account: Make,
    database: str,
    db: Connection[TupleRow],
    throttled: list[str],
) -> None:
    with serve(world, clock=lambda: NOW_MS, traffic=Traffic(speed=SPEED)) as simulator:
        account = make_account(
            simulator.url, "kraken", exchange="kraken", history_start=date(2026, 10, 1)
        )
        with other_program(account):
            sync_all(account, database)
    assert throttled
    assert db.execute("SELECT count(*) FROM alphapulse.coverage_gaps").fetchone() == (0,)
