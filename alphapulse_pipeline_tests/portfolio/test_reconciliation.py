"""Balances and histories that were read while the account lives on add up to the last digit."""

from collections.abc import Iterator
from typing import Any

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.portfolio import residuals
from alphapulse_pipeline.portfolio.reconciliation import refresh
from alphapulse_pipeline.settings.portfolio import PortfolioSettings
from alphapulse_pipeline.simulator import World
from alphapulse_pipeline.warehouse.embedded import EmbeddedServer
from alphapulse_pipeline_tests.sync.reliability.scene import GENESIS, HOUR, Scene, scene

DB = Connection[TupleRow]
FACES = ("bybit", "binance", "kraken", "okx")
STEP = HOUR + 7_321
"""Snapshots are taken at odd times."""


@pytest.fixture(scope="session")
def busy_world() -> World:
    return World(seed=5, genesis=GENESIS, pace=2)


@pytest.fixture(scope="module", params=FACES)
def lived(
    request: pytest.FixtureRequest, server: EmbeddedServer, busy_world: World
) -> Iterator[Scene]:
    """An account that was read every hour of a day while it lived on; its database is a
    template."""
    monkeypatch = pytest.MonkeyPatch()
    with (
        scene(request.param, server, busy_world, monkeypatch.setenv) as found,
        found.database() as (url, db),
    ):
        for hour in range(24):
            found.clock.now += STEP
            read(found, url, *(["balances"] if hour % 6 else ["balances", *histories(found)]))
        found.clock.now += 300_000
        read(found, url, *histories(found))
        found.template = db.info.dbname
        db.close()
        yield found
    monkeypatch.undo()


def histories(scene: Scene) -> list[str]:
    return [
        d for d in scene.datasets if d in ("orders", "trades", "transfers", "funding", "ledger")
    ]


def read(scene: Scene, url: str, *datasets: str) -> None:
    assert set(scene.sync(url, *datasets).values()) == {""}


def reconcile(db: DB) -> dict[str, Any]:
    return dict(refresh(db, PortfolioSettings()))


def windows(db: DB, *states: str) -> list[TupleRow]:
    """(wallet, asset, opened_at, closed_at, residual) of the windows in these states."""
    return db.execute(
        "SELECT wallet, asset, opened_at, closed_at, residual FROM portfolio.reconciliation"
        " WHERE state = ANY(%s) ORDER BY closed_at, wallet, asset",
        [list(states)],
    ).fetchall()


def test_everything_adds_up(lived: Scene) -> None:
    with lived.database() as (_, db):
        assert reconcile(db)["summed up"] > 50
        assert windows(db, "off", "unwitnessed", "pending") == []
        assert windows(db, "zero")
        assert residuals.find(db).rows == []


def test_a_second_look_costs_nothing(lived: Scene) -> None:
    with lived.database() as (_, db):
        reconcile(db)
        assert reconcile(db)["summed up"] == 0
