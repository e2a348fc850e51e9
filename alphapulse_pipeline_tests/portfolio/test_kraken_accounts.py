"""Kraken's accounts that trade on margin, or are old, reconcile to the last digit."""

from datetime import timedelta
from decimal import Decimal

import pytest
from psycopg.types.json import Jsonb

from alphapulse_pipeline.portfolio import position_reconciliation, residuals
from alphapulse_pipeline.settings.portfolio import PortfolioSettings
from alphapulse_pipeline.warehouse.embedded import EmbeddedServer
from alphapulse_pipeline_tests.exchange.test_kraken import entry, kraken, listed
from alphapulse_pipeline_tests.portfolio.accounts import Accounts
from alphapulse_pipeline_tests.portfolio.living import living, without_limits
from alphapulse_pipeline_tests.portfolio.test_reconciliation import found, reconcile
from alphapulse_pipeline_tests.sync.reliability.scene import GENESIS
from exchange_simulator import World
from exchange_simulator.layout import KRAKEN_ACCOUNTS

WORLDS = {
    "on margin": lambda: World(
        seed=16, genesis=GENESIS, pace=0.7, layout=KRAKEN_ACCOUNTS["margin"]
    ),
    "with Earn": lambda: World(seed=16, genesis=GENESIS, pace=0.2, layout=KRAKEN_ACCOUNTS["earn"]),
    "buys in the app": lambda: World(
        seed=16, genesis=GENESIS, pace=0.2, layout=KRAKEN_ACCOUNTS["conversions"]
    ),
    "three years old": lambda: World(seed=16, genesis=GENESIS - timedelta(days=3 * 365), pace=0.03),
}


@pytest.mark.parametrize("kind", WORLDS)
def test_every_balance_reconciles(kind: str, server: EmbeddedServer) -> None:
    read = ["balances", "positions"]
    with (
        without_limits() as export,
        living("kraken", server, WORLDS[kind](), read, export, steps=18) as scene,
        scene.database() as (_, db),
    ):
        assert reconcile(db)["balances"] > 50
        assert found(db, "break", "unverifiable", "pending") == {}
        wallets = {wallet for wallet, _, _ in found(db, "reconciled")}
        assert wallets == ({"spot", "earn"} if kind == "with Earn" else {"spot"})
        changes = position_reconciliation.refresh(db, PortfolioSettings())["changes"]
        assert residuals.find(db).rows == []
        realized = db.execute(
            "SELECT count(*) FROM alphapulse.trades WHERE market LIKE '%:%' AND realized_pnl <> 0"
        ).fetchone()
        assert realized is not None
        assert (realized[0] > 10) == (kind == "on margin")
        assert (changes != 0) == (kind == "on margin")


def test_a_reward_or_an_allocation_that_is_lost_breaks_exactly_its_window(
    server: EmbeddedServer,
) -> None:
    read = ["balances"]
    with (
        without_limits() as export,
        living("kraken", server, WORLDS["with Earn"](), read, export, steps=12) as scene,
    ):
        for part, what in (("reward", "kind = 'earn'"), ("transfer", "kind = 'earn'")):
            with scene.database() as (_, db):
                lost = db.execute(
                    "SELECT entry_id, reference_id, asset, amount FROM alphapulse.ledger"
                    f" WHERE wallet = 'earn' AND class = %s AND {what}"
                    " AND happened_at > (SELECT min(captured_at) FROM alphapulse.snapshots)"
                    " ORDER BY happened_at LIMIT 1",
                    [part],
                ).fetchone()
                assert lost is not None
                entry_id, reference, asset, amount = lost
                db.execute("DELETE FROM alphapulse.ledger WHERE entry_id = %s", [entry_id])
                db.execute("DELETE FROM alphapulse.transfers WHERE transfer_id = %s", [reference])
                reconcile(db)
                breaks = found(db, "break", "unverifiable", "pending")
                assert [(place[:2], size) for place, size in breaks.items()] == [
                    (("earn", asset), amount)
                ]


def test_an_allocation_moves_between_wallets_and_earns_nothing(accounts: Accounts) -> None:
    booked = {
        "LGIVEN": entry(refid="E1", type="earn", subtype="allocation", asset="DOT", amount="-10"),
        "LTAKEN": entry(refid="E1", type="earn", subtype="allocation", asset="DOT.B", amount="10"),
        "LREWARD": entry(refid="E2", type="earn", subtype="reward", asset="DOT.B", amount="0.25"),
    }
    accounts.deployed("main", "ledger")
    with kraken(Ledgers=listed("ledger", booked)) as read:
        for row in read.rows("ledger"):
            accounts._insert(
                "ledger", {**row, "raw": Jsonb(row["raw"]), "account": "main", "run_id": "test"}
            )
    moved = accounts.db.execute(
        "SELECT wallet, asset, sum(amount) FROM portfolio.movements GROUP BY 1, 2 ORDER BY 1"
    ).fetchall()
    assert moved == [("earn", "DOT", Decimal("10.25")), ("spot", "DOT", Decimal(-10))]
    legs = accounts.db.execute(
        "SELECT wallet, treatment, amount FROM portfolio.legs ORDER BY amount"
    ).fetchall()
    assert legs == [
        ("spot", "moved", Decimal(-10)),
        ("earn", "earned", Decimal("0.25")),
        ("earn", "swap", Decimal(10)),
    ]
