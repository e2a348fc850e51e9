"""Paging of spot and margin: by id, by time, or the newest; always ascending."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from itertools import groupby, pairwise
from operator import itemgetter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exchange_simulator import Simulator, Timing, World, serve
from exchange_simulator.binance import names
from exchange_simulator.markets import DAY, HOUR
from exchange_simulator_tests.binance_client import by_id, send, signed, without_conditional
from exchange_simulator_tests.conftest import NOW

TRADES, ORDERS = "/api/v3/myTrades", "/api/v3/allOrders"
BTC = {"symbol": "BTCUSDT"}


@pytest.fixture(scope="module")
def simulator(world: World) -> Iterator[Simulator]:
    with serve(world, clock=lambda: NOW, limits=False) as running:
        yield running


@pytest.fixture(scope="module")
def facts(simulator: Simulator) -> dict[str, Any]:
    return without_conditional(simulator.truth(exchange="binance"))


def ids(rows: list[dict[str, Any]], name: str = "id") -> list[str]:
    return [str(row[name]) for row in rows]


def trades_of(facts: dict[str, Any], market: str, wallet: str = "spot") -> list[dict[str, Any]]:
    return [t for t in facts["trades"] if (t["market"], t["wallet"]) == (market, wallet)]


def test_from_id_on_finds_every_fill(simulator: Simulator, facts: dict[str, Any]) -> None:
    rows = by_id(simulator, TRADES, {"symbol": "XRPUSDT", "limit": 1000}, "fromId", "id")
    expected = trades_of(facts, "XRP/USDT")
    assert len(expected) > 1000
    assert ids(rows) == [trade["trade_id"] for trade in expected]
    assert all(a["id"] < b["id"] and a["time"] <= b["time"] for a, b in pairwise(rows))
    assert {r["commissionAsset"] for r in rows} == {"XRP", "USDT"}


def test_the_id_asked_for_is_included(simulator: Simulator) -> None:
    rows = signed(simulator, TRADES, BTC | {"fromId": 0, "limit": 3}).result
    again = signed(simulator, TRADES, BTC | {"fromId": rows[1]["id"], "limit": 2}).result
    assert again == rows[1:]
    between = signed(simulator, TRADES, BTC | {"fromId": rows[1]["id"] + 1, "limit": 1}).result
    assert between == rows[2:]


def test_the_default_is_the_newest(simulator: Simulator, facts: dict[str, Any]) -> None:
    newest = [trade["trade_id"] for trade in trades_of(facts, "BTC/USDT")]
    assert ids(signed(simulator, TRADES, BTC).result) == newest[-500:]
    assert ids(signed(simulator, TRADES, BTC | {"limit": 7}).result) == newest[-7:]
    # spot caps the limit
    assert ids(signed(simulator, TRADES, BTC | {"limit": 5000}).result) == newest[-1000:]


def test_a_window_is_a_day_at_most_and_its_oldest_rows_come_first(
    simulator: Simulator, facts: dict[str, Any]
) -> None:
    start = NOW - 40 * DAY
    window = BTC | {"startTime": start, "endTime": start + DAY}
    expected = [
        trade["trade_id"]
        for trade in trades_of(facts, "BTC/USDT")
        if start <= trade["executed_at"] <= start + DAY
    ]
    assert len(expected) > 3
    assert ids(signed(simulator, TRADES, window).result) == expected
    assert ids(signed(simulator, TRADES, window | {"limit": 3}).result) == expected[:3]
    # one end alone means a window of one day
    assert ids(signed(simulator, TRADES, BTC | {"startTime": start}).result) == expected
    assert ids(signed(simulator, TRADES, BTC | {"endTime": start + DAY}).result) == expected
    refused = signed(simulator, TRADES, window | {"endTime": start + DAY + 1})
    assert refused.json == {
        "code": -1127,
        "msg": "More than 24 hours between startTime and endTime.",
    }
    assert signed(simulator, TRADES, window | {"endTime": start - 1}).code == -1102


@settings(max_examples=40, deadline=None)
@given(
    start=st.integers(NOW - 300 * DAY, NOW),
    length=st.integers(0, DAY),
    limit=st.integers(1, 30),
)
def test_a_window_starts_with_its_oldest_fills(
    simulator: Simulator, facts: dict[str, Any], start: int, length: int, limit: int
) -> None:
    window = {"startTime": start, "endTime": start + length, "limit": limit}
    expected = [
        trade["trade_id"]
        for trade in trades_of(facts, "ETH/USDT")
        if start <= trade["executed_at"] <= start + length
    ]
    found = signed(simulator, TRADES, {"symbol": "ETHUSDT", **window}).result
    assert ids(found) == expected[:limit]


@pytest.mark.parametrize(
    ("others", "code"),
    [
        (("fromId", "startTime"), -1128),
        (("fromId", "endTime"), -1128),
        (("orderId", "startTime"), -1128),
        (("orderId", "fromId"), 0),
        (("orderId",), 0),
    ],
)
def test_some_combinations_are_rejected(
    simulator: Simulator, others: tuple[str, ...], code: int
) -> None:
    params = BTC | dict.fromkeys(others, NOW - HOUR)
    assert signed(simulator, TRADES, params).code == code


def test_the_fills_of_one_order(simulator: Simulator, facts: dict[str, Any]) -> None:
    fills = trades_of(facts, "BTC/USDT")
    order = next(a["order_id"] for a, b in pairwise(fills) if a["order_id"] == b["order_id"])
    rows = signed(simulator, TRADES, BTC | {"orderId": order}).result
    assert ids(rows) == [t["trade_id"] for t in fills if t["order_id"] == order]


def test_ids_are_those_of_their_symbol_only(facts: dict[str, Any]) -> None:
    bitcoin = {trade["trade_id"] for trade in trades_of(facts, "BTC/USDT")}
    ether = {trade["trade_id"] for trade in trades_of(facts, "ETH/USDT")}
    assert len(bitcoin & ether) > 1000
    assert len({(t["market"], t["trade_id"]) for t in facts["trades"]}) == len(facts["trades"])
    orders = {(o["market"], o["order_id"]) for o in facts["orders"]}
    assert len(orders) == len(facts["orders"]) > len({order_id for _, order_id in orders})


def test_a_delisted_symbol_is_still_served(simulator: Simulator, facts: dict[str, Any]) -> None:
    listed = {s["symbol"] for s in send(simulator, "/api/v3/exchangeInfo").result["symbols"]}
    assert "BTCUSDT" in listed
    assert "FTMUSDT" not in listed
    expired = {"symbol": "FTMUSDT", "fromId": 0}
    rows = signed(simulator, TRADES, expired).result
    assert ids(rows) == [trade["trade_id"] for trade in trades_of(facts, "FTM/USDT")]
    assert len(rows) == 4
    assert send(simulator, "/api/v3/ticker/price?symbol=FTMUSDT").code == -1121


def test_margin_has_separate_fills_on_the_same_symbol(
    simulator: Simulator, facts: dict[str, Any]
) -> None:
    path = "/sapi/v1/margin/myTrades"
    rows = by_id(simulator, path, {"symbol": "ETHBTC", "limit": 1000}, "fromId", "id")
    assert ids(rows) == [t["trade_id"] for t in trades_of(facts, "ETH/BTC", "margin")]
    assert rows
    assert "quoteQty" not in rows[0]
    assert not set(ids(rows)) & {t["trade_id"] for t in trades_of(facts, "ETH/BTC")}
    assert signed(simulator, path, {"symbol": "ETHBTC", "isIsolated": "TRUE"}).result == []
    assert signed(simulator, path, {"symbol": "ETHBTC", "limit": 1001}).code == -1130


# -- orders ------------------------------------------------------------------------------------


def orders_of(facts: dict[str, Any], market: str, wallet: str = "spot") -> list[dict[str, Any]]:
    return [o for o in facts["orders"] if (o["market"], o["wallet"]) == (market, wallet)]


def test_from_order_id_on_finds_every_order(simulator: Simulator, facts: dict[str, Any]) -> None:
    rows = by_id(simulator, ORDERS, {"symbol": "SOLUSDT", "limit": 400}, "orderId", "orderId")
    expected = orders_of(facts, "SOL/USDT")
    assert len(expected) > 800
    assert ids(rows, "orderId") == [order["order_id"] for order in expected]
    assert [Decimal(row["executedQty"]) for row in rows] == [
        Decimal(order["filled"]) for order in expected
    ]
    statuses = {"closed": "FILLED", "canceled": "CANCELED", "rejected": "REJECTED"}
    for row, order in zip(rows, expected, strict=True):
        if order["status"] == "open":
            assert row["status"] in ("NEW", "PARTIALLY_FILLED")
        else:
            assert row["status"] == statuses[order["status"]]
    assert all(row["clientOrderId"] for row in rows)


def test_orders_by_time_and_by_default(simulator: Simulator, facts: dict[str, Any]) -> None:
    expected = orders_of(facts, "BTC/USDT")
    newest = [order["order_id"] for order in expected]
    assert ids(signed(simulator, ORDERS, BTC).result, "orderId") == newest[-500:]
    start = NOW - 3 * DAY
    window = BTC | {"startTime": start, "endTime": start + DAY}
    placed = [o["order_id"] for o in expected if start <= o["created_at"] <= start + DAY]
    assert len(placed) > 3
    assert ids(signed(simulator, ORDERS, window).result, "orderId") == placed
    assert ids(signed(simulator, ORDERS, window | {"limit": 2}).result, "orderId") == placed[:2]
    assert signed(simulator, ORDERS, window | {"endTime": start + DAY + 1}).code == -1127


def test_margin_orders_default_to_one_day(simulator: Simulator, facts: dict[str, Any]) -> None:
    path = "/sapi/v1/margin/allOrders"
    expected = orders_of(facts, "BTC/USDT", "margin")
    recent = [o["order_id"] for o in expected if o["created_at"] >= NOW - DAY]
    assert recent
    assert ids(signed(simulator, path, BTC).result, "orderId") == recent
    rows = by_id(simulator, path, BTC | {"limit": 500}, "orderId", "orderId")
    assert ids(rows, "orderId") == [order["order_id"] for order in expected]
    assert signed(simulator, path, BTC | {"limit": 501}).code == -1130


def test_open_orders(simulator: Simulator, facts: dict[str, Any]) -> None:
    for path, wallet in (
        ("/api/v3/openOrders", "spot"),
        ("/sapi/v1/margin/openOrders", "margin"),
        ("/fapi/v1/openOrders", "usdm"),
        ("/dapi/v1/openOrders", "coinm"),
    ):
        rows = signed(simulator, path).result
        expected = [o for o in facts["orders"] if o["status"] == "open" and o["wallet"] == wallet]
        assert sorted(ids(rows, "orderId")) == sorted(o["order_id"] for o in expected)
        assert expected


def test_one_order(simulator: Simulator, world: World, facts: dict[str, Any]) -> None:
    expected = orders_of(facts, "BTC/USDT")[-1]
    path = "/api/v3/order"
    row = signed(simulator, path, BTC | {"orderId": expected["order_id"]}).result
    assert row["time"] == expected["created_at"]
    name = {"origClientOrderId": row["clientOrderId"]}
    assert signed(simulator, path, BTC | name).result == row
    assert signed(simulator, path, BTC | {"orderId": int(expected["order_id"]) + 1}).code == -2013
    assert signed(simulator, path, BTC).code == -1102
    # an id is only valid with its symbol and in its wallet
    margin = signed(simulator, "/sapi/v1/margin/order", BTC | {"orderId": expected["order_id"]})
    assert margin.code == -2013


def test_orders_canceled_long_ago_are_archived(simulator: Simulator, world: World) -> None:
    binance = world.on("binance")
    unfilled = next(
        order
        for order in binance.account.orders_on["BTC/USDT"].rows
        if order.wallet == "spot" and order.end == "canceled" and not order.fills
    )
    assert unfilled.ended_at is not None
    assert unfilled.ended_at < NOW - 90 * DAY
    number = {"orderId": names.order_id(binance, unfilled)}
    assert signed(simulator, "/api/v3/order", BTC | number).code == -2026
    first = signed(simulator, ORDERS, BTC | number | {"limit": 1}).result[0]
    assert first["orderId"] > int(number["orderId"])


def test_late_fills_are_missed_when_continuing_from_the_last_id(world: World) -> None:
    clock = [NOW]
    late = Timing(late_share=Decimal("0.3"), late_by=DAY // 2)
    with serve(world, clock=lambda: clock[0], limits=False, timing=late) as running:
        day = BTC | {"startTime": NOW - DAY, "endTime": NOW}
        early = signed(running, TRADES, day).result
        clock[0] += DAY // 2
        complete = signed(running, TRADES, day).result
        assert {row["id"] for row in early} < {row["id"] for row in complete}
        assert min({r["id"] for r in complete} - {r["id"] for r in early}) < early[-1]["id"]


def test_paging_by_time_cannot_pass_a_crowded_millisecond() -> None:
    crowded = World(genesis=datetime.fromtimestamp(NOW / 1000 - 12 * 86_400, UTC), ties=30)
    with serve(crowded, clock=lambda: NOW, limits=False) as running:
        fills = running.truth(exchange="binance")["trades"]
        key = itemgetter("market", "wallet", "executed_at")
        ties = [list(group) for _, group in groupby(sorted(fills, key=key), key)]
        tie = max(
            (tie for tie in ties if tie[0]["wallet"] in ("spot", "margin")), key=len, default=[]
        )
        assert len(tie) == 30
        path = TRADES if tie[0]["wallet"] == "spot" else "/sapi/v1/margin/myTrades"
        symbol = {"symbol": tie[0]["market"].replace("/", ""), "limit": 10}
        at = tie[0]["executed_at"]
        by_time = signed(running, path, symbol | {"startTime": at, "endTime": at}).result
        assert {row["time"] for row in by_time} == {at}
        after = signed(running, path, symbol | {"startTime": at + 1}).result
        found = {str(row["id"]) for row in (*by_time, *after)}
        assert not {trade["trade_id"] for trade in tie} <= found
        every = by_id(running, path, symbol, "fromId", "id")
        assert {trade["trade_id"] for trade in tie} <= {str(row["id"]) for row in every}
