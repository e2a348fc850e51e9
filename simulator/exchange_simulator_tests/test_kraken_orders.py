"""Open orders, closed orders, and orders by id."""

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from exchange_simulator import Simulator, serve
from exchange_simulator.kraken import orders
from exchange_simulator.markets import DAY
from exchange_simulator_tests.kraken_client import (
    NOW,
    all_pages,
    ninety_days,
    private,
)

SINGLE = {"consolidate_taker": "false"}


@pytest.fixture(scope="module")
def kraken() -> Iterator[Simulator]:
    with serve(ninety_days(), clock=lambda: NOW, limits=False) as simulator:
        yield simulator


@pytest.fixture(scope="module")
def facts(kraken: Simulator) -> dict[str, Any]:
    return kraken.truth(exchange="kraken")


@pytest.mark.parametrize(
    ("closetime", "newest_by"),
    [("open", "opened"), ("open", "closed"), ("close", "closed"), ("both", "closed")],
)
def test_closed_orders(
    kraken: Simulator,
    facts: dict[str, Any],
    closetime: str,
    newest_by: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(orders, "NEWEST_BY", newest_by)
    start, end = (NOW - 12 * DAY) // 1000, (NOW - 9 * DAY) // 1000
    window = {"start": start, "end": end, "closetime": closetime}
    found = all_pages(kraken, "ClosedOrders", "closed", window)

    def inside(at: int) -> bool:
        return start * 1000 < at <= end * 1000

    wanted = {
        order["order_id"]: order
        for order in facts["orders"]
        if order["status"] != "open"
        and {
            "open": inside(order["created_at"]),
            "close": inside(order["updated_at"]),
            "both": inside(order["created_at"]) or inside(order["updated_at"]),
        }[closetime]
    }
    assert found.keys() == wanted.keys()
    assert len(wanted) > 100
    times = [row["opentm" if newest_by == "opened" else "closetm"] for row in found.values()]
    assert times == sorted(times, reverse=True)
    for name, row in found.items():
        order = wanted[name]
        assert Decimal(row["vol"]) == Decimal(order["amount"])
        assert Decimal(row["vol_exec"]) == Decimal(order["filled"])
        assert Decimal(row["price"]) == Decimal(order["average"] or 0)
        assert int(row["opentm"] * 1000) == order["created_at"]
        assert (row["cl_ord_id"] or "") == order["client_order_id"]
        refused = row["reason"] == "Post only order"
        assert row["status"] == ("canceled" if refused else order["status"])


def test_closed_orders_from_an_order_on(kraken: Simulator, facts: dict[str, Any]) -> None:
    ended = [order for order in facts["orders"] if order["status"] != "open"]
    first, last = ended[-30]["order_id"], ended[-20]["order_id"]
    window = {"start": first, "end": last, "closetime": "open"}
    found = private(kraken, "ClosedOrders", window).result["closed"]
    # an order id means the time at which it was opened
    assert first not in found
    assert last in found


def test_open_orders(kraken: Simulator, facts: dict[str, Any]) -> None:
    found = private(kraken, "OpenOrders", {"trades": "true"}).result["open"]
    wanted = {o["order_id"]: o for o in facts["orders"] if o["status"] == "open"}
    assert found.keys() == wanted.keys()
    assert len(wanted) > 3
    assert {row["status"] for row in found.values()} == {"open"}
    assert not any("closetm" in row for row in found.values())
    assert {n: Decimal(r["vol_exec"]) for n, r in found.items()} == {
        n: Decimal(o["filled"]) for n, o in wanted.items()
    }


def test_an_order_that_will_end_is_open_until_then(
    kraken: Simulator, facts: dict[str, Any]
) -> None:
    order = next(order for order in reversed(facts["orders"]) if order["status"] == "open")
    just_before = {"start": order["created_at"] // 1000 - 1, "closetime": "open"}

    def closed() -> set[str]:
        return set(all_pages(kraken, "ClosedOrders", "closed", just_before))

    try:
        kraken.set_clock(lambda: NOW + 9 * DAY)
        assert order["order_id"] in closed()
    finally:
        kraken.set_clock(lambda: NOW)
    assert order["order_id"] not in closed()


def test_orders_by_their_ids(kraken: Simulator, facts: dict[str, Any]) -> None:
    names = [order["order_id"] for order in facts["orders"][-40:]]
    asked = {"txid": ",".join([*names, "OAAAAA-AAAAA-AAAAAA"]), "trades": "true"} | SINGLE
    found = private(kraken, "QueryOrders", asked).result
    assert list(found) == names
    fills: dict[str, list[str]] = defaultdict(list)
    for trade in facts["trades"]:
        fills[trade["order_id"]].append(trade["trade_id"])
    assert {n: r.get("trades", []) for n, r in found.items()} == {n: fills[n] for n in names}
