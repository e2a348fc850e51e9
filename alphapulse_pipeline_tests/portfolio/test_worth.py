"""What was read while an account lives on is worth what the simulator's own books say."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.portfolio.tables import derived
from alphapulse_pipeline.settings.portfolio import PortfolioSettings
from alphapulse_pipeline.warehouse.embedded import EmbeddedServer
from alphapulse_pipeline_tests.sync.reliability.scene import GENESIS, HOUR, Clock, Scene
from exchange_simulator import EXCHANGES, World, serve

DB = Connection[TupleRow]
STEP = HOUR + 7_321
NEAR = Decimal("1e-12")


@dataclass
class Read:
    """An account whose snapshots were taken six times while it lived on."""

    scene: Scene
    db: DB
    times: list[int]

    @property
    def currency(self) -> str:
        """The inverse perpetual leads to true dollars; where there is none, nothing does."""
        return "USDT" if self.scene.exchange == "kraken" else "USD"


@pytest.fixture(params=EXCHANGES)
def read(
    request: pytest.FixtureRequest, server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Read]:
    clock = Clock()
    world = World(seed=5, genesis=GENESIS, pace=2)
    with serve(world, clock=clock, limits=False) as simulator:
        scene = Scene(request.param, simulator, clock, server, monkeypatch.setenv, GENESIS.date())
        snapshots = [d for d in scene.datasets if d in ("balances", "positions", "prices")]
        with scene.database() as (url, db):
            found = Read(scene, db, [])
            for _ in range(6):
                clock.now += STEP
                found.times.append(clock.now)
                assert set(scene.sync(url, *snapshots).values()) == {""}
            refresh(db, found.currency)
            yield found


def refresh(db: DB, currency: str) -> None:
    chosen = PortfolioSettings(currency=currency)
    for table in ("prices", "holdings", "value", "exposure"):
        derived(table).refresh(db, chosen)


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


def test_what_was_read_is_worth_what_the_books_say(read: Read) -> None:
    check_curve(read)
    check_holdings(read)
    check_exposure(read)


def check_curve(read: Read) -> None:
    """Every point is the truth of its time."""
    points = read.db.execute(
        "SELECT value, confidence, carried, unpriced, state FROM portfolio.value"
        " WHERE account = '' ORDER BY at"
    ).fetchall()
    assert len(points) == len(read.times)
    for at, (found, confidence, *rest) in zip(read.times, points, strict=True):
        truth = read.scene.truth(at)
        true = worth(truth, prices_of(truth, read.currency, read.scene.exchange == "binance"))
        assert abs(found / true - 1) < NEAR
        assert (confidence, *rest) == (1, 0, [], "provisional")


def check_holdings(read: Read) -> None:
    """They add up to the newest point."""
    assert read.db.execute(
        "SELECT sum(value) = (SELECT value FROM portfolio.value WHERE account = ''"
        " ORDER BY at DESC LIMIT 1), count(*) FILTER (WHERE value IS NULL)"
        " FROM portfolio.holdings"
    ).fetchone() == (True, 0)


def check_exposure(read: Read) -> None:
    """It is what is held and what the contracts stand for."""
    truth = read.scene.truth(read.times[-1])
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
        read.db.execute(
            "SELECT asset, net FROM portfolio.exposure WHERE account = '' AND asset <> ''"
        ).fetchall()
    )
    assert found.keys() == {asset for asset, amount in net.items() if amount}
    assert all(abs(found[asset] - net[asset]) < NEAR for asset in found)
