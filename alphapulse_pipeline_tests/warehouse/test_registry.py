"""Deployed datasets, and the names of markets."""

from decimal import Decimal

from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.warehouse import deployed, stored_markets, sync_state
from alphapulse_pipeline.warehouse.batches import Batch, Batches
from alphapulse_pipeline.warehouse.preview import cells
from alphapulse_pipeline.warehouse.writer import write
from alphapulse_pipeline_tests.warehouse.rows import at, balance, market, order

DB = Connection[TupleRow]


def test_registering_again_keeps_the_count(db: DB) -> None:
    deployed.register(db, "bybit", "bybit", [("orders", True, None)])
    write(db, Batches("bybit", "orders", [Batch([order()])]), "run")
    deployed.register(db, "bybit", "bybit", [("orders", False, at(5))])
    row = db.execute("SELECT supported, next_tick, stored FROM alphapulse.datasets").fetchone()
    assert row == (False, at(5), 1)


def test_writing_does_not_change_what_was_registered(db: DB) -> None:
    deployed.register(db, "bybit", "bybit", [("orders", True, at(5))])
    write(db, Batches("bybit", "orders", [Batch([order()])]), "run")
    row = db.execute("SELECT exchange, next_tick, stored FROM alphapulse.datasets").fetchone()
    assert row == ("bybit", at(5), 1)


def test_a_market_that_is_listed_no_longer_keeps_its_name(db: DB) -> None:
    stored_markets.store_markets(db, "bybit", [market("BTC/USDT"), market("LUNA/USDT")])
    stored_markets.store_markets(db, "bybit", [market("BTC/USDT", seen_at=at(2))])
    stored_markets.retire_markets(db, "bybit", at(2))
    active = db.execute("SELECT market, active FROM alphapulse.markets").fetchall()
    assert dict(active) == {"BTC/USDT": True, "LUNA/USDT": False}
    assert set(stored_markets.market_names(db, "bybit")) == {
        ("BTCUSDT", "spot", "BTC/USDT"),
        ("LUNAUSDT", "spot", "LUNA/USDT"),
    }
    assert stored_markets.market_names(db, "okx") == []


def test_the_catalogue_is_of_one_version(db: DB) -> None:
    stored_markets.store_catalogue(db, "bybit", "4.5.1", "{}")
    found = stored_markets.catalogue(db, "bybit", "4.5.1")
    assert found
    assert found[0] == "{}"
    assert stored_markets.catalogue(db, "bybit", "4.5.2") is None
    stored_markets.store_catalogue(db, "bybit", "4.5.2", "[]")
    assert stored_markets.catalogue(db, "bybit", "4.5.1") is None


def test_open_orders_come_with_their_markets(db: DB) -> None:
    stored_markets.store_markets(db, "bybit", [market("BTC/USDT")])
    rows = [order(1, raw={"a": "1"}), order(2, status="closed")]
    write(db, Batches("bybit", "orders", [Batch(rows)]), "run")
    [found] = sync_state.open_orders(db, "bybit")
    assert found.market == sync_state.Market(
        "BTC/USDT", "BTCUSDT", "spot", "BTC", "USDT", True, False
    )
    assert found.row == {**rows[0], "raw": {"a": "1"}}


def test_held_is_what_the_newest_snapshots_name(db: DB) -> None:
    assert sync_state.held_if_read(db, "bybit", ["balances"]) is None
    for second, assets in ((1, "AB"), (2, "B")):
        rows = [balance(asset) for asset in assets]
        write(db, Batches("bybit", "balances", [Batch(rows, captured_at=at(second))]), "run")
    assert sync_state.held_if_read(db, "bybit", ["balances"]) == ({"B"}, set())
    assert sync_state.held_if_read(db, "bybit", ["balances", "positions"]) is None
    write(db, Batches("bybit", "positions", [Batch([], captured_at=at(2))]), "run")
    assert sync_state.held_if_read(db, "bybit", ["balances", "positions"]) == ({"B"}, set())


def test_previews_are_exact_text() -> None:
    names, rows = cells(["a", "b", "c"], [("x|y", Decimal("1E-8"), at(0)), (None, True, 3)])
    assert names == ["a", "b", "c"]
    assert rows == [["x|y", "0.00000001", "2026-09-01 00:00:00.000"], ["", "True", "3"]]
