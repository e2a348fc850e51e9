"""Windows, pages, caps and retention."""

from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from exchange_simulator import Simulator, World, serve
from exchange_simulator.markets import DAY, HOUR
from exchange_simulator.truth import truth
from exchange_simulator_tests.client import all_pages, signed
from exchange_simulator_tests.conftest import NOW

EXECUTIONS = "/v5/execution/list"
HISTORY = "/v5/order/history"


def test_pages_are_complete_newest_first_and_without_duplicates(
    frozen: Simulator, world: World
) -> None:
    start = NOW - 6 * DAY
    rows = all_pages(
        frozen,
        EXECUTIONS,
        {"category": "spot", "startTime": start, "endTime": NOW, "limit": 7},
    )
    expected = [
        trade["trade_id"]
        for trade in truth(world, NOW)["trades"]
        if start <= trade["executed_at"] and ":" not in trade["market"]
    ]
    assert len(expected) > 100
    assert [row["execId"] for row in rows] == expected[::-1]
    times = [int(row["execTime"]) for row in rows]
    assert times == sorted(times, reverse=True)


def test_pages_stay_complete_while_new_fills_arrive(world: World) -> None:
    clock = [NOW - 5 * DAY]
    window = {"category": "spot", "startTime": NOW - 8 * DAY, "endTime": NOW - 1 * DAY, "limit": 10}
    with serve(world, clock=lambda: clock[0]) as simulator:
        first_seen = {row["execId"] for row in all_pages(simulator, EXECUTIONS, window)}
        seen: list[str] = []
        cursor = ""
        while True:
            page = signed(
                simulator, EXECUTIONS, window | ({"cursor": cursor} if cursor else {})
            ).result
            seen += [row["execId"] for row in page["list"]]
            cursor = page["nextPageCursor"]
            if not cursor:
                break
            clock[0] += HOUR
        arrived = signed(simulator, EXECUTIONS, window | {"limit": 1}).result["list"][0]["execId"]
    assert len(seen) == len(set(seen))
    assert set(seen) == first_seen
    assert arrived not in seen, "no row arrived during the test"


def test_a_cursor_may_be_encoded_once_more(frozen: Simulator) -> None:
    params: dict[str, Any] = {"category": "spot", "limit": 5}
    cursor = signed(frozen, EXECUTIONS, params).result["nextPageCursor"]
    assert "%3A" in cursor
    as_given = signed(frozen, EXECUTIONS, params | {"cursor": cursor}).result["list"]
    encoded = signed(frozen, EXECUTIONS, params | {"cursor": cursor.replace("%", "%25")}).result[
        "list"
    ]
    assert as_given == encoded


@pytest.mark.parametrize(
    ("path", "params", "default", "most"),
    [
        (EXECUTIONS, {"category": "spot"}, 50, 100),
        (HISTORY, {"category": "spot"}, 20, 50),
        ("/v5/account/transaction-log", {}, 20, 50),
        ("/v5/order/realtime", {"category": "spot", "openOnly": 1}, 20, 50),
    ],
)
def test_caps(
    frozen: Simulator, path: str, params: dict[str, Any], default: int, most: int
) -> None:
    assert len(signed(frozen, path, params).result["list"]) == default
    assert len(signed(frozen, path, params | {"limit": 1000}).result["list"]) == most


@pytest.mark.parametrize("path", [EXECUTIONS, HISTORY, "/v5/account/transaction-log"])
def test_windows_of_seven_days(frozen: Simulator, path: str) -> None:
    params: dict[str, Any] = {"category": "spot", "limit": 50}
    ids = {EXECUTIONS: "execId", HISTORY: "orderId"}.get(path, "id")

    def found(**times: int) -> set[str]:
        return {row[ids] for row in all_pages(frozen, path, params | times)}

    start = NOW - 30 * DAY
    week = found(startTime=start, endTime=start + 7 * DAY)
    assert found(startTime=start) == week
    assert found(endTime=start + 7 * DAY) == week
    assert found() == found(startTime=NOW - 7 * DAY, endTime=NOW)
    refused = signed(frozen, path, params | {"startTime": start, "endTime": start + 7 * DAY + 1})
    assert refused.code == 10001
    assert "7 days" in refused.json["retMsg"]
    old = signed(frozen, path, params | {"startTime": NOW - 731 * DAY})
    assert (old.code, old.json["retMsg"]) == (10001, "Can't query earlier than 2 years")


def test_canceled_orders_without_a_fill_expire_after_a_day(world: World) -> None:
    clock = [NOW]
    with serve(world, clock=lambda: clock[0]) as simulator:
        unfilled = next(
            order
            for order in reversed(truth(world, NOW, expired=True)["orders"])
            if order["expired"]
        )
        ended, by_id = unfilled["updated_at"], {"orderId": unfilled["order_id"]}
        category = "spot" if ":" not in unfilled["market"] else "linear"
        if unfilled["market"] == "BTC/USD:BTC":
            category = "inverse"

        def history(at: int) -> list[dict[str, Any]]:
            clock[0] = at
            rows: list[dict[str, Any]] = signed(
                simulator, HISTORY, {"category": category, **by_id}
            ).result["list"]
            return rows

        assert unfilled["filled"] == "0"
        assert history(ended + DAY)[0]["orderStatus"] in ("Cancelled", "Rejected")
        assert history(ended + DAY + 1) == []


def test_filled_orders_do_not_expire(frozen: Simulator, world: World) -> None:
    start = NOW - 200 * DAY
    rows = all_pages(frozen, HISTORY, {"category": "spot", "startTime": start, "limit": 50})
    assert rows
    assert all(Decimal(row["cumExecQty"]) > 0 for row in rows)
    expected = {
        order["order_id"]
        for order in truth(world, NOW)["orders"]
        if start <= order["created_at"] <= start + 7 * DAY
        and ":" not in order["market"]
        and order["status"] != "open"
    }
    assert {row["orderId"] for row in rows} == expected


def test_an_open_order_is_not_in_the_history(world: World) -> None:
    at = NOW
    order = world.open_orders(at)[0]
    created = {"startTime": order.created_at, "endTime": order.created_at}
    params: dict[str, Any] = {"category": order.market.kind, **created}
    world.advance_to(at + 15 * DAY)
    assert order.ended_at is not None
    clock = [at]
    with serve(world, clock=lambda: clock[0]) as simulator:
        assert signed(simulator, HISTORY, params).result["list"] == []
        realtime = {"category": order.market.kind, "orderId": order.order_id}
        found = signed(simulator, "/v5/order/realtime", realtime).result["list"]
        assert found[0]["orderStatus"] in ("New", "PartiallyFilled")
        clock[0] = order.ended_at
        assert signed(simulator, HISTORY, params).result["list"][0]["orderId"] == order.order_id
        # an order that has just ended is still served by its id
        ended = signed(simulator, "/v5/order/realtime", realtime).result["list"]
        assert ended[0]["orderStatus"] not in ("New", "PartiallyFilled")


def test_executions_are_filtered_by_type(frozen: Simulator) -> None:
    params: dict[str, Any] = {"category": "linear", "limit": 100}
    funding = all_pages(frozen, EXECUTIONS, params | {"execType": "Funding"})
    trades = all_pages(frozen, EXECUTIONS, params | {"execType": "Trade"})
    everything = all_pages(frozen, EXECUTIONS, params)
    assert {row["execType"] for row in funding} == {"Funding"}
    assert {row["execType"] for row in trades} == {"Trade"}
    assert len(funding) + len(trades) == len(everything)


@pytest.mark.parametrize(
    ("kind", "category", "exec_type"),
    [
        ("liquidation", "linear", "BustTrade"),
        ("adl", "linear", "AdlTrade"),
        ("settlement", "option", "Delivery"),
    ],
)
def test_executions_include_funding_and_settlements(
    frozen: Simulator, world: World, kind: str, category: str, exec_type: str
) -> None:
    trade = next(trade for trade in truth(world, NOW)["trades"] if trade["kind"] == kind)
    at = trade["executed_at"]
    rows = all_pages(
        frozen, EXECUTIONS, {"category": category, "startTime": at, "endTime": at, "limit": 100}
    )
    assert {"execId": trade["trade_id"], "execType": exec_type}.items() <= next(
        row for row in rows if row["execId"] == trade["trade_id"]
    ).items()


def test_a_funding_payment_is_a_positive_fee(frozen: Simulator, world: World) -> None:
    amounts = {row["funding_id"]: Decimal(row["amount"]) for row in truth(world, NOW)["funding"]}
    rows = all_pages(
        frozen, EXECUTIONS, {"category": "linear", "execType": "Funding", "limit": 100}
    )
    assert rows
    for row in rows:
        assert Decimal(row["execFee"]) == -amounts[row["execId"]]
        paid = Decimal(row["execFee"]) > 0
        assert paid == (Decimal(row["feeRate"]) > 0)


def test_the_transaction_log_adds_up(frozen: Simulator) -> None:
    rows = all_pages(frozen, "/v5/account/transaction-log", {"limit": 50, "currency": "USDT"})
    assert len(rows) > 100
    for newer, older in pairwise(rows):
        before = Decimal(older["cashBalance"])
        assert before + Decimal(newer["change"]) == Decimal(newer["cashBalance"])
    for row in rows:
        parts = Decimal(row["cashFlow"]) + Decimal(row["funding"] or 0) - Decimal(row["fee"])
        assert parts == Decimal(row["change"])


def test_deposits_withdrawals_and_transfers(frozen: Simulator, world: World) -> None:
    start = NOW - 30 * DAY
    facts = [row for row in truth(world, NOW)["transfers"] if row["happened_at"] >= start]
    window = {"startTime": start, "endTime": NOW, "limit": 2}
    found = {
        ("deposit", "id", "/v5/asset/deposit/query-record"),
        ("withdrawal", "withdrawId", "/v5/asset/withdraw/query-record"),
    }
    for kind, name, path in found:
        rows = all_pages(frozen, path, window)
        expected = [
            (row["transfer_id"], row["asset"], row["amount"], row["fee_cost"], row["network"])
            for row in facts
            if row["kind"] == kind
        ]
        assert expected
        assert [
            (row[name], row["coin"], row["amount"], row.get("withdrawFee", "0"), row["chain"])
            for row in rows
        ] == expected[::-1]
    week = {"startTime": NOW - 7 * DAY, "endTime": NOW, "limit": 2}
    rows = all_pages(frozen, "/v5/asset/transfer/query-inter-transfer-list", week)
    assert [row["transferId"] for row in rows] == [
        row["transfer_id"]
        for row in facts
        if row["kind"] == "transfer" and row["happened_at"] >= NOW - 7 * DAY
    ][::-1]


def test_a_large_catalogue_is_paged() -> None:
    crowded = World(extra_markets=3000)
    path, linear = "/v5/market/instruments-info", {"category": "linear"}
    with serve(crowded, clock=lambda: crowded.genesis + DAY) as simulator:
        rows = all_pages(simulator, path, linear)
        first, most = (
            signed(simulator, path, linear | asked).result["list"]
            for asked in ({}, {"limit": 1001})
        )
    names = [row["symbol"] for row in rows]
    assert len(names) == len(set(names)) == 1505
    assert (len(first), len(most)) == (500, 1000)
