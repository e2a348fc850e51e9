"""OKX: open and ended orders, and when they expire."""

from collections.abc import Iterator
from typing import Any

import pytest

from exchange_simulator import Simulator, World, serve
from exchange_simulator.markets import DAY, HOUR
from exchange_simulator.okx.identity import snowflake
from exchange_simulator_tests.conftest import NOW
from exchange_simulator_tests.okx_client import rows, signed, walk

ARCHIVE = "trade/orders-history-archive"
RECENT = "trade/orders-history"
QUARTER = 89 * DAY
Truth = dict[str, Any]


@pytest.fixture(scope="module")
def okx(world: World) -> Iterator[Simulator]:
    """The default world's account on OKX, with the clock frozen at NOW."""
    with serve(world, clock=lambda: NOW, limits=False) as simulator:
        yield simulator


@pytest.fixture(scope="module")
def facts(okx: Simulator) -> Truth:
    return okx.truth(exchange="okx")


@pytest.fixture(scope="module")
def with_expired(okx: Simulator) -> Truth:
    """The truth including expired rows."""
    return okx.truth(exchange="okx", expired=True)


@pytest.mark.parametrize("kind", ["SPOT", "SWAP"])
def test_orders_that_have_ended_are_paged_by_their_id(
    okx: Simulator, with_expired: Truth, kind: str
) -> None:
    found = walk(okx, ARCHIVE, {"instType": kind}, "ordId")
    ids = [int(row["ordId"]) for row in found]
    assert ids == sorted(set(ids), reverse=True)
    assert set(ids) == {
        int(order["order_id"])
        for order in with_expired["orders"]
        if order["status"] != "open"
        and (":" in order["market"]) == (kind == "SWAP")
        and order["filled"] != "0"
        and order["updated_at"] >= NOW - QUARTER
    }
    placed = [row for row in found if NOW - 9 * DAY <= int(row["cTime"]) <= NOW - 8 * DAY]
    window = {"instType": kind, "begin": NOW - 9 * DAY, "end": NOW - 8 * DAY}
    assert walk(okx, ARCHIVE, window, "ordId") == placed


def test_a_history_is_bounded_by_when_orders_ended(okx: Simulator, facts: Truth) -> None:
    found = walk(okx, RECENT, {"instType": "SPOT"}, "ordId")
    assert {row["ordId"] for row in found} == {
        order["order_id"]
        for order in facts["orders"]
        if order["status"] != "open"
        and ":" not in order["market"]
        and order["updated_at"] >= NOW - 7 * DAY
    }
    oldest = min(int(row["cTime"]) for row in found)
    assert oldest < NOW - 7 * DAY, "no order was open for long"
    recent = {"instType": "SPOT", "begin": NOW - 7 * DAY}
    assert len(walk(okx, RECENT, recent, "ordId")) < len(found)
    canceled = walk(okx, RECENT, {"instType": "SPOT", "state": "canceled"}, "ordId")
    assert canceled == [row for row in found if row["state"] == "canceled"]


def test_open_orders(okx: Simulator, facts: Truth) -> None:
    resting = walk(okx, "trade/orders-pending", {"limit": 4}, "ordId")
    assert len(resting) > 4
    assert {(row["ordId"], row["accFillSz"]) for row in resting} == {
        (order["order_id"], order["filled"])
        for order in facts["orders"]
        if order["status"] == "open"
    }
    newer = rows(okx, "trade/orders-pending", {"before": resting[3]["ordId"], "limit": 2})
    assert newer == resting[:2]
    live = rows(okx, "trade/orders-pending", {"state": "live"})
    assert {row["state"] for row in live} == {"live"}


def test_orders_canceled_without_a_fill_expire_after_two_hours(world: World) -> None:
    account = world.on("okx").account
    order = next(
        order
        for order in reversed(account.ended.rows[: account.ended.until(NOW)])
        if order.end == "canceled" and not order.fills and order.market.kind == "spot"
    )
    assert order.ended_at is not None
    number = str(snowflake(order.created_at, order.number))
    named = {"instId": f"{order.market.base}-{order.market.quote}", "ordId": number}
    clock = [order.ended_at - 1]
    with serve(world, clock=lambda: clock[0], limits=False) as simulator:

        def facts() -> list[bool]:
            histories = [
                rows(simulator, path, {"instType": "SPOT", "before": int(number) - 1})
                for path in (RECENT, ARCHIVE)
            ]
            pending = rows(simulator, "trade/orders-pending")
            assert all(len(page) < 100 for page in (pending, *histories))
            return [number in {row["ordId"] for row in found} for found in (pending, *histories)]

        assert facts() == [True, False, False]
        clock[0] = order.ended_at
        assert facts() == [False, True, False]
        clock[0] = order.ended_at + 2 * HOUR
        assert facts() == [False, True, False]
        assert rows(simulator, "trade/order", named)[0]["state"] == "canceled"
        clock[0] += 1
        assert facts() == [False, False, False]
        assert signed(simulator, "trade/order", named).json["code"] == "51603"


def test_one_order_is_found_by_either_id(okx: Simulator, facts: Truth) -> None:
    order = next(
        o for o in reversed(facts["orders"]) if o["client_order_id"] and o["filled"] != "0"
    )
    name = order["market"].partition(":")[0].replace("/", "-")
    inst = name + ("-SWAP" if ":" in order["market"] else "")
    by_id = rows(okx, "trade/order", {"instId": inst, "ordId": order["order_id"]})
    by_link = rows(okx, "trade/order", {"instId": inst, "clOrdId": order["client_order_id"]})
    assert by_id == by_link
    assert (by_id[0]["accFillSz"], by_id[0]["side"]) == (order["filled"], order["side"])
