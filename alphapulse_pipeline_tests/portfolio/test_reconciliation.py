"""Balances and histories that were read while the account lives on add up to the last digit."""

from collections.abc import Callable

import pytest

from alphapulse_pipeline.portfolio.reconciliation import refresh
from alphapulse_pipeline.simulator import World
from alphapulse_pipeline.warehouse.connection import connect
from alphapulse_pipeline.warehouse.embedded import EmbeddedServer
from alphapulse_pipeline_tests.sync.reliability.scene import GENESIS, HOUR, Scene, scene

FACES = ("bybit", "binance", "kraken", "okx")


@pytest.fixture(scope="session")
def busy_world() -> World:
    return World(seed=5, genesis=GENESIS, pace=1)


def live(scene: Scene, url: str, hours: int) -> None:
    """Snapshots at odd times of every hour, histories now and then."""
    for hour in range(hours):
        scene.clock.now += HOUR + 7_321
        assert set(scene.sync(url, "balances").values()) == {""}
        if hour % 6 == 0:
            read(scene, url)
    scene.clock.now += 300_000
    read(scene, url)


def read(scene: Scene, url: str) -> None:
    histories = {"trades", "transfers", "funding", "ledger"} & set(scene.datasets)
    assert set(scene.sync(url, *histories).values()) == {""}


@pytest.mark.parametrize("exchange", FACES)
def test_everything_adds_up(
    exchange: str,
    server: EmbeddedServer,
    busy_world: World,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with scene(exchange, server, busy_world, monkeypatch.setenv) as found:
        with found.database() as (url, db):
            live(found, url, 30)
            with connect(url) as connection:
                print(refresh(connection))
                print(refresh(connection))
            states = db.execute(
                "SELECT state, reason, count(*), count(*) FILTER (WHERE difference <> 0)"
                " FROM portfolio.reconciliation GROUP BY 1, 2 ORDER BY 1, 2"
            ).fetchall()
            print(states)
            for row in db.execute("SELECT account, wallet, asset, opened_at, closed_at, opening, fills, fees, transfers, funding, other, closing, difference, residual, state, reason FROM portfolio.reconciliation WHERE state <> 'zero' ORDER BY closed_at LIMIT 10").fetchall(): print(row)
            assert {row[0] for row in states} == {"zero"}
