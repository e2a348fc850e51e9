"""Kraken's accounts that trade on margin, or are old, reconcile to the last digit."""

from datetime import timedelta

import pytest

from alphapulse_pipeline.portfolio import residuals
from alphapulse_pipeline.warehouse.embedded import EmbeddedServer
from alphapulse_pipeline_tests.portfolio.living import living
from alphapulse_pipeline_tests.portfolio.test_reconciliation import found, reconcile
from alphapulse_pipeline_tests.sync.reliability.scene import GENESIS
from exchange_simulator import World
from exchange_simulator.layout import KRAKEN_ACCOUNTS

WORLDS = {
    "on margin": lambda: World(
        seed=16, genesis=GENESIS, pace=0.7, layout=KRAKEN_ACCOUNTS["margin"]
    ),
    "three years old": lambda: World(seed=16, genesis=GENESIS - timedelta(days=3 * 365), pace=0.03),
}


@pytest.mark.parametrize("kind", WORLDS)
def test_every_balance_reconciles(kind: str, server: EmbeddedServer) -> None:
    with (
        living("kraken", server, WORLDS[kind](), ["balances", "positions"], steps=18) as scene,
        scene.database() as (_, db),
    ):
        assert reconcile(db)["balances"] > 50
        assert found(db, "break", "unverifiable", "pending") == {}
        assert found(db, "reconciled")
        assert residuals.find(db).rows == []
        realized = db.execute(
            "SELECT count(*) FROM alphapulse.trades WHERE market LIKE '%:%' AND realized_pnl <> 0"
        ).fetchone()
        assert realized is not None
        assert (realized[0] > 10) == (kind == "on margin")
