"""Orders change after the day of their placement: the table follows them to their end."""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.exchange.errors import ExchangeFailure, Kind
from alphapulse_pipeline.exchange.venues.bybit import BYBIT
from alphapulse_pipeline.settings.accounts import Account
from alphapulse_pipeline.sync.histories import history, whole_history
from alphapulse_pipeline.sync.session import open_session
from alphapulse_pipeline.warehouse.batches import Written
from alphapulse_pipeline.warehouse.writer import write
from alphapulse_pipeline_tests.conftest import NOW_MS
from alphapulse_pipeline_tests.sync.truth import COLUMNS, stored, true
from exchange_simulator import Simulator, World, serve
from exchange_simulator.bybit import endpoints
from exchange_simulator.bybit.call import Call, Result

Make = Callable[..., Account]
HOUR = 3_600_000


def at(now: int) -> dict[str, Any]:
    """Settings of an account of a simulator whose clock is frozen at `now`."""
    behind = time.time_ns() // 1_000_000 - now + 60_000
    return {"options": {"timeDifference": behind, "recvWindow": 120_000}}


def sync_orders(account: Account, url: str, dataset: str = "orders") -> Written:
    with open_session(account, url, "test") as session:
        batches = history(session, dataset, whole_history(session), fill=True)
        return write(session.connection, batches, "test")


def test_orders_are_followed_to_their_end(
    world: World, make_account: Make, database: str, db: Connection[TupleRow]
) -> None:
    clock = [NOW_MS - 72 * HOUR]
    with serve(world, clock=lambda: clock[0]) as simulator:
        sync_orders(make_account(simulator.url, **at(clock[0])), database)
        then = {row[0] for row in db.execute("SELECT order_id FROM alphapulse.orders_open")}
        clock[0] = NOW_MS
        account = make_account(simulator.url, **at(clock[0]))
        sync_orders(account, database)
        truth = simulator.truth(NOW_MS)
        forgotten = simulator.truth(NOW_MS, expired=True)["orders"]

        ended = {o["order_id"]: o for o in forgotten if o["status"] != "open"}
        assert {"closed", "canceled"} <= {ended[i]["status"] for i in then & set(ended)}
        assert any(ended[i]["expired"] for i in then & set(ended))  # the hardest case occurs
        statuses = db.execute("SELECT order_id, status FROM alphapulse.orders").fetchall()
        found: dict[str, str] = dict(statuses)
        assert {i: found[i] for i in then & set(ended)} == {
            i: ended[i]["status"] for i in then & set(ended)
        }
        known = true(truth, "orders")
        assert stored(db, "orders", "bybit") >= known
        status = COLUMNS["orders"].index("status")
        now_open = {row[:2] for row in known if row[status] == "open"}
        stored_open = db.execute("SELECT market, order_id FROM alphapulse.orders_open").fetchall()
        assert set(stored_open) == now_open

        again = sync_orders(account, database)
        assert again.rows == 0


def test_an_order_that_the_history_shows_late_is_not_lost(
    world: World,
    make_account: Make,
    database: str,
    db: Connection[TupleRow],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Placed and ended between two syncs, and in the history only some seconds later."""
    private = endpoints.PRIVATE["/v5/order/history"]
    late = 20_000

    def history_with_delay(call: Call) -> Result:
        answer = private.answer(call)
        shown = [o for o in answer["list"] if int(o["updatedTime"]) <= call.now - late]
        return {**answer, "list": shown}

    slow = private._replace(answer=history_with_delay)
    monkeypatch.setitem(endpoints.PRIVATE, "/v5/order/history", slow)
    # a moment just after an order that was older than the lag ended
    ended = next(
        order
        for order in reversed(world.account.orders.rows)
        if order.ended_at is not None
        and order.ended_at < NOW_MS - HOUR
        and order.created_at < order.ended_at - 60_000
    )
    assert ended.ended_at is not None
    clock = [ended.ended_at + 5_000]
    with serve(world, clock=lambda: clock[0]) as simulator:
        sync_orders(make_account(simulator.url, **at(clock[0])), database)
        clock[0] += 15 * 60_000
        sync_orders(make_account(simulator.url, **at(clock[0])), database)
        assert stored(db, "orders", "bybit") >= true(simulator.truth(clock[0]), "orders")


def test_a_history_never_claims_what_is_younger_than_the_lag(
    world: World, make_account: Make, database: str, db: Connection[TupleRow]
) -> None:
    with serve(world, clock=lambda: NOW_MS) as simulator:
        sync_orders(make_account(simulator.url), database, "trades")
    tops = db.execute("SELECT upper(covered) FROM alphapulse.coverage").fetchall()
    newest = db.execute("SELECT to_timestamp(%s / 1000.0)", [NOW_MS]).fetchone()
    assert newest is not None
    assert len(tops) == len(BYBIT.histories["trades"])
    for (top,) in tops:
        # the frozen clock and a few real seconds
        youngest = newest[0] - BYBIT.lag
        assert youngest - timedelta(seconds=1) < top < youngest + timedelta(seconds=10)


def test_an_order_within_its_retention_is_not_assumed_cancelled(
    simulator: Simulator, make_account: Make, database: str, db: Connection[TupleRow]
) -> None:
    account = make_account(simulator.url)
    sync_orders(account, database)
    opened = "SELECT order_id, filled, status FROM alphapulse.orders_open ORDER BY 1"
    before = db.execute(opened.encode()).fetchall()
    # exchanges keep orders with fills
    db.execute(b"DELETE FROM alphapulse.orders WHERE status = 'open' AND filled > 0")
    simulator.set_faults("empty:/v5/order")
    with pytest.raises(ExchangeFailure, match="which was open at") as caught:
        sync_orders(account, database)
    assert caught.value.kind is Kind.SUSPECT
    simulator.set_faults()
    sync_orders(account, database)
    assert db.execute(opened.encode()).fetchall() == before
