"""Paging of USD-M and COIN-M: seven days at most, ids without times, and retention."""

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exchange_simulator import Simulator, World, serve
from exchange_simulator.binance import names
from exchange_simulator.markets import DAY, WEEK
from exchange_simulator.records import Wallet
from exchange_simulator_tests.binance_client import by_id, signed, without_conditional
from exchange_simulator_tests.conftest import NOW

TRADES, ORDERS, INCOME = "/fapi/v1/userTrades", "/fapi/v1/allOrders", "/fapi/v1/income"
BTC = {"symbol": "BTCUSDT"}
COIN = {"symbol": "BTCUSD_PERP"}


@pytest.fixture(scope="module")
def simulator(world: World) -> Iterator[Simulator]:
    with serve(world, clock=lambda: NOW, limits=False) as running:
        yield running


@pytest.fixture(scope="module")
def facts(simulator: Simulator) -> dict[str, Any]:
    return without_conditional(simulator.truth(exchange="binance"))


def ids(rows: list[dict[str, Any]], name: str = "id") -> list[str]:
    return [str(row[name]) for row in rows]


def of(facts: dict[str, Any], dataset: str, market: str) -> list[dict[str, Any]]:
    return [row for row in facts[dataset] if row["market"] == market]


@pytest.mark.parametrize(
    ("path", "symbol", "market"),
    [
        (TRADES, "BTCUSDT", "BTC/USDT:USDT"),
        (TRADES, "BTCUSDC", "BTC/USDC:USDC"),
        ("/dapi/v1/userTrades", "BTCUSD_PERP", "BTC/USD:BTC"),
    ],
)
def test_from_id_on_finds_the_fills_of_six_months(
    simulator: Simulator, facts: dict[str, Any], path: str, symbol: str, market: str
) -> None:
    rows = by_id(simulator, path, {"symbol": symbol, "limit": 400}, "fromId", "id")
    expected = of(facts, "trades", market)
    assert len(expected) > 300
    assert ids(rows) == [trade["trade_id"] for trade in expected]
    assert rows[0]["time"] >= NOW - 180 * DAY > NOW - 323 * DAY
    value = "baseQty" if symbol.endswith("PERP") else "quoteQty"
    for row, trade in zip(rows, expected, strict=True):
        assert Decimal(row["qty"]) == Decimal(trade["amount"])
        assert Decimal(row[value]) == Decimal(trade["cost"])
    other = "quoteQty" if value == "baseQty" else "baseQty"
    assert {row[other] for row in rows} == {"0"}
    # other symbols use the same ids
    assert set(ids(rows)) & {trade["trade_id"] for trade in of(facts, "trades", "BTC/USDT")}


def test_an_id_excludes_times(simulator: Simulator) -> None:
    for name in ("startTime", "endTime"):
        answer = signed(simulator, TRADES, BTC | {"fromId": 1, name: NOW})
        assert answer.json == {"code": -1106, "msg": f"Parameter '{name}' sent when not required."}


@settings(max_examples=40, deadline=None)
@given(
    start=st.integers(NOW - 200 * DAY, NOW),
    length=st.integers(0, WEEK),
    limit=st.integers(1, 40),
)
def test_a_week_starts_with_its_oldest_fills(
    simulator: Simulator, facts: dict[str, Any], start: int, length: int, limit: int
) -> None:
    window = {"startTime": start, "endTime": start + length, "limit": limit}
    expected = [
        trade["trade_id"]
        for trade in of(facts, "trades", "ETH/USDT:USDT")
        if start <= trade["executed_at"] <= start + length
    ]
    found = signed(simulator, TRADES, {"symbol": "ETHUSDT", **window}).result
    assert ids(found) == expected[:limit]


@pytest.mark.parametrize("path", [TRADES, ORDERS, "/dapi/v1/userTrades", "/dapi/v1/allOrders"])
def test_more_than_a_week_is_refused(simulator: Simulator, path: str) -> None:
    symbol = COIN if path.startswith("/dapi") else BTC
    window = {"startTime": NOW - 10 * DAY, "endTime": NOW - 3 * DAY}
    assert signed(simulator, path, symbol | window).code == 0
    window["endTime"] += 1
    assert signed(simulator, path, symbol | window).json == {
        "code": -4165,
        "msg": "Maximum time interval is 7 days",
    }
    assert signed(simulator, path, symbol | {"startTime": 2, "endTime": 1}).code == -1023


def test_the_default_is_the_newest_of_a_week(simulator: Simulator, facts: dict[str, Any]) -> None:
    for path, symbol, market, default in (
        (TRADES, BTC, "BTC/USDT:USDT", 500),
        ("/dapi/v1/userTrades", COIN, "BTC/USD:BTC", 50),
    ):
        week = [
            trade["trade_id"]
            for trade in of(facts, "trades", market)
            if trade["executed_at"] >= NOW - WEEK
        ]
        assert ids(signed(simulator, path, symbol).result) == week[-default:]
        assert ids(signed(simulator, path, symbol | {"limit": 5}).result) == week[-5:]
        assert signed(simulator, path, symbol | {"limit": 1001}).code == -1130


def test_coin_margined_fills_are_queried_by_symbol_or_pair(simulator: Simulator) -> None:
    path, pair = "/dapi/v1/userTrades", {"pair": "BTCUSD"}
    assert signed(simulator, path, pair).result == signed(simulator, path, COIN).result
    assert signed(simulator, path).code == -1102
    assert signed(simulator, path, pair | COIN).code == -1128
    assert signed(simulator, path, pair | {"fromId": 1}).code == -1128
    assert signed(simulator, path, {"pair": "DOGEUSD"}).code == -4144
    assert signed(simulator, "/dapi/v1/allOrders", COIN | {"limit": 101}).code == -1130


# -- orders ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "symbol", "market", "limit"),
    [
        (ORDERS, "BTCUSDT", "BTC/USDT:USDT", 100),
        ("/dapi/v1/allOrders", "BTCUSD_PERP", "BTC/USD:BTC", 30),
    ],
)
def test_from_order_id_finds_what_has_not_expired(
    simulator: Simulator, facts: dict[str, Any], path: str, symbol: str, market: str, limit: int
) -> None:
    params = {"symbol": symbol, "limit": limit}
    rows = by_id(simulator, path, params, "orderId", "orderId")
    expected = of(facts, "orders", market)
    assert len(expected) > limit
    assert ids(rows, "orderId") == [order["order_id"] for order in expected]
    assert [Decimal(row["origQty"]) for row in rows] == [Decimal(o["amount"]) for o in expected]
    averages = [Decimal(order["average"] or 0) for order in expected]
    assert [Decimal(row["avgPrice"]) for row in rows] == averages
    # more digits than a double can represent
    assert all(row["orderId"] > 2**53 for row in rows)


def test_unfilled_orders_expire_after_three_days(
    simulator: Simulator, world: World, facts: dict[str, Any]
) -> None:
    binance = world.on("binance")
    unfilled = [
        order
        for order in binance.account.orders_on["BTC/USDT:USDT"].rows
        if order.end == "canceled" and not order.fills and order.ended_at is not None
    ]
    old = [order for order in unfilled if NOW - 80 * DAY < order.created_at < NOW - 20 * DAY][-1]
    window = BTC | {"startTime": old.created_at, "endTime": old.created_at}
    assert signed(simulator, ORDERS, window).result == []
    number = {"orderId": names.order_id(binance, old)}
    assert signed(simulator, "/fapi/v1/order", BTC | number).code == -2013
    kept = {order["order_id"] for order in of(facts, "orders", "BTC/USDT:USDT")}
    recent = [o for o in unfilled if NOW - 2 * DAY < (o.ended_at or 0) <= NOW]
    assert {names.order_id(binance, order) for order in recent} <= kept


def test_no_window_starts_before_ninety_days(simulator: Simulator) -> None:
    window = {"startTime": NOW - 90 * DAY, "endTime": NOW - 89 * DAY}
    assert signed(simulator, ORDERS, BTC | window).code == 0
    window["startTime"] -= 1
    assert signed(simulator, ORDERS, BTC | window).json == {
        "code": -4166,
        "msg": "Search window is restricted to recent 90 days only.",
    }


def test_without_a_symbol_the_orders_of_both_futures_are_returned(simulator: Simulator) -> None:
    rows = signed(simulator, ORDERS, {"limit": 1000}).result
    assert {"BTCUSDT", "BTCUSD_PERP"} <= {row["symbol"] for row in rows}
    times = [row["time"] for row in rows]
    assert times == sorted(times)
    assert signed(simulator, ORDERS, {"orderId": 1}).code == -1128


def test_forced_orders_are_recognized_by_their_client_order_id(world: World) -> None:
    every = serve(world, clock=lambda: world.genesis + 183 * DAY, limits=False)
    with every as running:
        found = []
        for start in range(world.genesis + 120 * DAY, world.genesis + 183 * DAY, WEEK):
            window = {"startTime": start, "endTime": start + WEEK - 1}
            found += signed(running, "/fapi/v1/forceOrders", window).result
        facts = running.truth(exchange="binance")["trades"]
    kinds = {trade["order_id"]: trade["kind"] for trade in facts if trade["wallet"] == "usdm"}
    words = {"liquidation": "autoclose-", "adl": "adl_autoclose"}
    assert {kinds[str(row["orderId"])] for row in found} == set(words)
    for row in found:
        assert row["clientOrderId"].startswith(words[kinds[str(row["orderId"])]])


# -- the income history ------------------------------------------------------------------------


def incomes(simulator: Simulator, path: str, start: int) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    page = 1
    while found := signed(
        simulator, path, {"startTime": start, "endTime": NOW, "limit": 700, "page": page}
    ).result:
        assert rows[-1:] != found[-1:], "no progress"
        rows += found
        page += 1
    return rows


@pytest.mark.parametrize(("path", "wallet"), [(INCOME, "usdm"), ("/dapi/v1/income", "coinm")])
def test_the_income_history_is_the_ledger(
    simulator: Simulator, world: World, path: str, wallet: Wallet
) -> None:
    binance = world.on("binance")
    start = NOW - 89 * DAY
    rows = incomes(simulator, path, start - 10 * DAY)
    ledger = binance.account.books.ledger[wallet]
    entries = [ledger.rows[index] for index in ledger.span(start, NOW)]
    expected = [
        (part.kind, part.id, part.amount, entry.asset, entry.happened_at)
        for entry in entries
        for part in names.parts(binance, entry)
    ]
    assert len(expected) > 500
    assert [
        (r["incomeType"], str(r["tranId"]), Decimal(r["income"]), r["asset"], r["time"])
        for r in rows
    ] == expected
    for asset in {entry.asset for entry in entries}:
        change = binance.account.books.balance(wallet, asset, NOW) - (
            binance.account.books.balance(wallet, asset, start - 1)
        )
        assert sum(Decimal(r["income"]) for r in rows if r["asset"] == asset) == change
    kinds = Counter(row["incomeType"] for row in rows)
    assert set(kinds) == {"COMMISSION", "REALIZED_PNL", "FUNDING_FEE", "TRANSFER"}


def test_a_transaction_id_is_unique_among_its_type_only(simulator: Simulator) -> None:
    rows = incomes(simulator, INCOME, NOW - 30 * DAY)
    keys = {(row["incomeType"], row["tranId"]) for row in rows}
    assert len(keys) == len(rows) > len({row["tranId"] for row in rows})
    # integers on USD-M, with more digits than a double for funding; strings on COIN-M
    assert max(row["tranId"] for row in rows) > 2**53
    coin = signed(simulator, "/dapi/v1/income", {"limit": 1000}).result
    assert {type(row["tranId"]) for row in coin} == {str}


def test_income_by_week_type_and_symbol(simulator: Simulator, facts: dict[str, Any]) -> None:
    rows = signed(simulator, INCOME).result
    assert len(rows) == 100
    assert NOW - WEEK <= rows[0]["time"] < NOW - 5 * DAY
    fundings = signed(simulator, INCOME, {"incomeType": "FUNDING_FEE", "limit": 1000}).result
    expected = [
        row
        for row in facts["funding"]
        if row["wallet"] == "usdm" and row["happened_at"] >= NOW - WEEK
    ]
    assert ids(fundings, "tranId") == [row["funding_id"] for row in expected]
    assert [Decimal(f["income"]) for f in fundings] == [Decimal(r["amount"]) for r in expected]
    of_one = signed(simulator, INCOME, BTC | {"limit": 1000}).result
    assert {row["symbol"] for row in of_one} == {"BTCUSDT"}
    assert signed(simulator, INCOME, {"limit": 1001}).code == -1130


@pytest.mark.parametrize("wallet", ["usdm", "coinm"])
def test_funding_is_served_for_three_months(facts: dict[str, Any], wallet: Wallet) -> None:
    times = [row["happened_at"] for row in facts["funding"] if row["wallet"] == wallet]
    assert NOW - 89 * DAY <= min(times) < NOW - 88 * DAY
