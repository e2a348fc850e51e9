"""Kraken's accounts of every kind: on margin, old, and without anything."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.settings.accounts import Account
from alphapulse_pipeline.sync.histories import history, whole_history
from alphapulse_pipeline.sync.session import open_session
from alphapulse_pipeline.warehouse.writer import write
from alphapulse_pipeline_tests.conftest import NOW_MS
from alphapulse_pipeline_tests.sync.test_truth import check, living
from alphapulse_pipeline_tests.sync.truth import stored, sync_all, true
from exchange_simulator import Simulator, World
from exchange_simulator.kraken import orders
from exchange_simulator.layout import KRAKEN_ACCOUNTS

Make = Callable[..., Account]
DAY = 86_400_000
NOW_AT = datetime.fromtimestamp(NOW_MS / 1000, UTC)


def account_of(make: Make, simulator: Simulator, days: int) -> Account:
    start = (NOW_AT - timedelta(days=days)).date()
    return make(simulator.url, "kraken", exchange="kraken", history_start=start)


def test_a_margin_trader(make_account: Make, database: str, db: Connection[TupleRow]) -> None:
    layout = KRAKEN_ACCOUNTS["margin"]
    world = World(seed=3, genesis=NOW_AT - timedelta(days=40), layout=layout, pace=0.7)
    with living(world) as simulator:
        account = account_of(make_account, simulator, 41)
        check(simulator, account, database, db, NOW_MS)
        truth = simulator.truth(NOW_MS, exchange="kraken")
    margin = {row["trade_id"] for row in truth["trades"] if ":" in row["market"]}
    assert len(margin) > 100
    assert truth["positions"]


def test_an_account_with_earn(make_account: Make, database: str, db: Connection[TupleRow]) -> None:
    layout = KRAKEN_ACCOUNTS["earn"]
    world = World(seed=3, genesis=NOW_AT - timedelta(days=40), layout=layout, pace=0.3)
    with living(world) as simulator:
        check(simulator, account_of(make_account, simulator, 41), database, db, NOW_MS)
    booked: dict[str, int] = dict(
        db.execute(
            "SELECT class, count(*) FROM alphapulse.ledger WHERE wallet = 'earn' GROUP BY class"
        ).fetchall()
    )
    assert booked.keys() == {"transfer", "reward"}
    assert min(booked.values()) > 10
    moved = db.execute(
        "SELECT DISTINCT from_wallet, to_wallet FROM alphapulse.transfers WHERE kind = 'transfer'"
        " ORDER BY 1"
    ).fetchall()
    assert moved == [("earn", "spot"), ("spot", "earn")]


def test_an_account_that_buys_in_the_app(
    make_account: Make, database: str, db: Connection[TupleRow]
) -> None:
    layout = KRAKEN_ACCOUNTS["conversions"]
    world = World(seed=3, genesis=NOW_AT - timedelta(days=40), layout=layout, pace=0.3)
    with living(world) as simulator:
        check(simulator, account_of(make_account, simulator, 41), database, db, NOW_MS)
    [counts] = db.execute(
        "SELECT (SELECT count(*) FROM alphapulse.conversions),"
        " (SELECT count(*) FROM alphapulse.ledger WHERE class = 'conversion'),"
        " (SELECT count(DISTINCT entry) FROM portfolio.movements WHERE part = 'conversions'"
        "   AND dataset = 'conversions'),"
        " (SELECT count(*) FROM portfolio.movements WHERE part = 'conversions'"
        "   AND dataset = 'ledger')"
    ).fetchall()
    assert counts[0] > 20
    assert counts == (counts[0], 2 * counts[0], counts[0], 0)


def test_three_years_of_deposits(
    make_account: Make, database: str, db: Connection[TupleRow]
) -> None:
    world = World(seed=4, genesis=NOW_AT - timedelta(days=3 * 365), pace=0.03)
    with living(world) as simulator:
        check(simulator, account_of(make_account, simulator, 3 * 365), database, db, NOW_MS)


def test_a_deposit_keeps_what_kraken_lists_for_ninety_days_only(
    make_account: Make, database: str, db: Connection[TupleRow]
) -> None:
    known = (
        "SELECT transfer_id, network, txid FROM alphapulse.transfers"
        " WHERE txid IS NOT NULL ORDER BY transfer_id"
    )
    world = World(seed=4, genesis=NOW_AT - timedelta(days=150), pace=0.1)
    with living(world) as simulator:
        account = account_of(make_account, simulator, 150)
        for days, fill in ((60, True), (0, False)):
            simulator.set_clock(partial(int, NOW_MS - days * DAY))
            with open_session(account, database, "test") as session:
                rows = history(session, "transfers", whole_history(session), fill=fill)
                write(session.connection, rows, "test")
            if fill:
                before = db.execute(known).fetchall()
    assert before
    assert set(before) <= set(db.execute(known).fetchall())


def test_an_account_without_anything(
    make_account: Make, database: str, db: Connection[TupleRow]
) -> None:
    world = World(genesis=NOW_AT - timedelta(days=30), layout=KRAKEN_ACCOUNTS["empty"])
    with living(world) as simulator:
        written = sync_all(account_of(make_account, simulator, 90), database)
    assert {name for name, found in written.items() if found.inserted} <= {"prices", "books"}
    gaps = db.execute("SELECT * FROM alphapulse.coverage_gaps").fetchall()
    assert gaps == []


@pytest.mark.parametrize("newest_by", ["opened", "closed"])
def test_orders_are_read_in_whichever_order_they_come(
    newest_by: str,
    make_account: Make,
    database: str,
    db: Connection[TupleRow],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(orders, "NEWEST_BY", newest_by)
    world = World(seed=8, genesis=NOW_AT - timedelta(days=12))
    with living(world) as simulator:
        account = account_of(make_account, simulator, 12)
        with open_session(account, database, "test") as session:
            write(
                session.connection,
                history(session, "orders", whole_history(session), fill=True),
                "test",
            )
        truth = simulator.truth(NOW_MS, exchange="kraken") | {"exchange": "kraken"}
    found = stored(db, "orders", account.name)
    assert found == true(truth, "orders")
    assert len(found) > 500
