"""What was read while an account lives on is worth what the simulator's own books say."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.portfolio import exposure, holdings, prices, value
from alphapulse_pipeline.settings.portfolio import PortfolioSettings
from alphapulse_pipeline.simulator import World
from alphapulse_pipeline.warehouse.embedded import EmbeddedServer
from alphapulse_pipeline_tests.sync.reliability.scene import GENESIS, HOUR, Scene, scene

DB = Connection[TupleRow]
FACES = ("bybit", "binance", "kraken", "okx")
STEP = HOUR + 7_321
NEAR = Decimal("1e-12")


@pytest.fixture(scope="module", params=FACES)
def read(request: pytest.FixtureRequest, server: EmbeddedServer) -> Iterator[tuple[Scene, DB, Any]]:
    """An account whose snapshots were taken six times, its database, and when they were taken."""
    monkeypatch = pytest.MonkeyPatch()
    world = World(seed=5, genesis=GENESIS, pace=2)
    with (
        scene(request.param, server, world, monkeypatch.setenv) as found,
        found.database() as (url, db),
    ):
        snapshots = [d for d in found.datasets if d in ("balances", "positions", "prices")]
        times = []
        for _ in range(6):
            found.clock.now += STEP
            times.append(found.clock.now)
            assert set(found.sync(url, *snapshots).values()) == {""}
        yield found, db, times
    monkeypatch.undo()


def refresh(db: DB, currency: str) -> None:
    chosen = PortfolioSettings(currency=currency)
    for table in (prices, holdings, value, exposure):
        table.refresh(db, chosen)


def middle(truth: dict[str, Any], market: str) -> Decimal:
    found = next(row for row in truth["prices"] if row["market"] == market)
    return (Decimal(found["bid"]) + Decimal(found["ask"])) / 2


def prices_of(truth: dict[str, Any], currency: str, binance: bool) -> dict[str, Decimal]:
    """By the definition of a path, on the simulator's own markets."""
    tether, bitcoin = Decimal(1), middle(truth, "BTC/USDT")
    if currency == "USD":
        perpetual = next(row for row in truth["prices"] if row["market"] == "BTC/USD:BTC")
        # Binance's futures tell no bid and no ask with their last prices
        dollars = Decimal(perpetual["last"]) if binance else middle(truth, "BTC/USD:BTC")
        tether, bitcoin = dollars / bitcoin, dollars
    found = {"USDT": tether, "BTC": bitcoin, "USDC": bitcoin / middle(truth, "BTC/USDC")}
    found["ETH"] = (
        bitcoin * middle(truth, "ETH/BTC") if currency == "USD" else middle(truth, "ETH/USDT")
    )
    return found | {asset: tether * middle(truth, f"{asset}/USDT") for asset in ("SOL", "XRP")}


def worth(truth: dict[str, Any], price: dict[str, Decimal]) -> Decimal:
    total = Decimal(0)
    for row in truth["balances"]:
        total += (Decimal(row["total"]) - Decimal(row["debt"])) * price[row["asset"]]
    for row in truth["positions"]:
        settle = row["market"].split(":")[1].split("-")[0]
        gain = Decimal(row["unrealized_pnl"])
        if row["market"][-2:] in ("-C", "-P"):
            held = Decimal(row["contracts"]) * Decimal(row["contract_size"])
            gain = held * Decimal(row["mark_price"]) * (-1 if row["side"] == "short" else 1)
        total += gain * price[settle]
    return total


@pytest.fixture
def currency(read: tuple[Scene, DB, Any]) -> str:
    """What leads to true dollars is the inverse perpetual; where there is none, to no dollars."""
    return "USDT" if read[0].exchange == "kraken" else "USD"


def test_every_point_of_the_curve_is_the_truth_of_its_time(
    read: tuple[Scene, DB, Any], currency: str
) -> None:
    scene, db, times = read
    refresh(db, currency)
    points = db.execute(
        "SELECT value, certainty, carried, unpriced, state FROM portfolio.value"
        " WHERE account = '' ORDER BY at OFFSET 1"
    ).fetchall()
    assert len(points) == len(times)
    for at, (found, certainty, *rest) in zip(times, points, strict=True):
        truth = scene.truth(at)
        true = worth(truth, prices_of(truth, currency, scene.exchange == "binance"))
        assert abs(found / true - 1) < NEAR
        assert (certainty, *rest) == (1, 0, [], "known")


def test_holdings_add_up_to_the_newest_point(read: tuple[Scene, DB, Any], currency: str) -> None:
    _, db, _ = read
    refresh(db, currency)
    assert db.execute(
        "SELECT sum(h.value) = (SELECT value FROM portfolio.value WHERE account = ''"
        " ORDER BY at DESC LIMIT 1), count(*) FILTER (WHERE h.value IS NULL)"
        " FROM portfolio.holdings AS h"
    ).fetchone() == (True, 0)


def test_exposure_is_what_is_held_and_what_the_contracts_stand_for(
    read: tuple[Scene, DB, Any], currency: str
) -> None:
    scene, db, times = read
    refresh(db, currency)
    truth = scene.truth(times[-1])
    net: dict[str, Decimal] = {}
    for row in truth["balances"]:
        amount = Decimal(row["total"]) - Decimal(row["debt"])
        net[row["asset"]] = net.get(row["asset"], Decimal(0)) + amount
    for row in truth["positions"]:
        base = row["market"].split("/")[0]
        amount = Decimal(row["contracts"]) * Decimal(row["contract_size"])
        if row["market"] == "BTC/USD:BTC":
            amount /= Decimal(row["mark_price"])
        if (row["side"] == "short") != row["market"].endswith("-P"):
            amount = -amount
        net[base] = net.get(base, Decimal(0)) + amount
    found: dict[str, Decimal] = dict(
        db.execute(
            "SELECT asset, net FROM portfolio.exposure WHERE account = '' AND asset <> ''"
        ).fetchall()
    )
    assert found.keys() == {asset for asset, amount in net.items() if amount}
    assert all(abs(found[asset] - net[asset]) < NEAR for asset in found)
