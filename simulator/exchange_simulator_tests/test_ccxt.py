"""An unmodified ccxt client reads the truth from the simulator."""

from decimal import Decimal
from typing import Any

import pytest
from ccxt.bybit import bybit

from exchange_simulator import DEMO_KEY, DEMO_SECRET, Simulator
from exchange_simulator.markets import DAY


@pytest.fixture(scope="module")
def simulator(live: Simulator) -> Simulator:
    return live


@pytest.fixture(scope="module")
def exchange(simulator: Simulator) -> Any:
    client = bybit({"apiKey": DEMO_KEY, "secret": DEMO_SECRET, "enableRateLimit": False})
    client.urls["api"] = dict.fromkeys(client.urls["api"], simulator.url)
    client.number = str
    client.load_markets()
    return client


def test_markets(exchange: Any, simulator: Simulator) -> None:
    listed = {row["market"] for row in simulator.truth()["prices"]}
    assert set(exchange.markets) == listed
    assert {"BTC", "USDT", "USDC"} <= set(exchange.currencies)
    inverse = exchange.market("BTC/USD:BTC")
    assert inverse["inverse"]
    assert Decimal(inverse["contractSize"]) == 1


def test_prices(exchange: Any, simulator: Simulator) -> None:
    for query in ({"type": "spot"}, {"subType": "linear"}, {"subType": "inverse"}):
        tickers = exchange.fetch_tickers(params=query)
        now = simulator.now()
        facts = [
            {row["market"]: row for row in simulator.truth(at)["prices"]}
            for at in (now - 1000, now)
        ]
        for name, ticker in tickers.items():
            seen = {"market": name} | {side: ticker[side] for side in ("last", "bid", "ask")}
            assert seen in [prices[name] for prices in facts]


def test_balances(exchange: Any, simulator: Simulator) -> None:
    for wallet, params in (("unified", {}), ("funding", {"type": "funding"})):
        balance = exchange.fetch_balance(params)
        facts = {
            row["asset"]: row
            for row in simulator.truth(balance["timestamp"])["balances"]
            if row["wallet"] == wallet and row["total"] != "0"
        }
        assert set(balance["total"]) == set(facts)
        for asset, row in facts.items():
            for name in ("free", "used", "total"):
                assert Decimal(balance[asset][name]) == Decimal(row[name])


def test_positions(exchange: Any, simulator: Simulator) -> None:
    found = [
        position
        for params in (
            {"subType": "linear"},
            {"subType": "linear", "settleCoin": "USDC"},
            {"subType": "inverse"},
            {"type": "option"},
        )
        for position in exchange.fetch_positions(params=params)
    ]
    names = ("contracts", "entryPrice", "side")
    facts = simulator.truth()["positions"]
    assert {(p["symbol"], *(p[name] for name in names)) for p in found} == {
        (p["market"], p["contracts"], p["entry_price"], p["side"]) for p in facts
    }
    linear = {p["market"]: p["notional"] for p in facts if p["market"].endswith(":USDT")}
    for position in found:
        if position["symbol"] in linear:
            assert Decimal(position["notional"]) == Decimal(linear[position["symbol"]])


@pytest.mark.parametrize("kind", ["spot", "swap"])
def test_trades(exchange: Any, simulator: Simulator, kind: str) -> None:
    since = simulator.world.genesis + 3 * DAY
    found: list[dict[str, Any]] = []
    params: dict[str, Any] = {"type": kind, "until": since + 2 * DAY}
    while True:
        page = exchange.fetch_my_trades(since=since, limit=100, params=params)
        found += page
        # ccxt puts the next page's cursor into the first row it received
        infos = (trade["info"] for trade in page)
        cursor = next((info["nextPageCursor"] for info in infos if "nextPageCursor" in info), "")
        if not cursor:
            break
        params = params | {"cursor": cursor}
    facts = [
        trade
        for trade in simulator.truth()["trades"]
        if since <= trade["executed_at"] <= since + 2 * DAY
        and trade["kind"] == "trade"
        and (":" in trade["market"]) == (kind == "swap")
        and "-" not in trade["market"]
        and not trade["market"].endswith(":BTC")
    ]
    assert len(facts) > 20
    assert sorted(
        (t["id"], t["symbol"], t["price"], t["amount"], t["cost"], t["fee"]["cost"]) for t in found
    ) == sorted(
        (t["trade_id"], t["market"], t["price"], t["amount"], t["cost"], t["fee_cost"])
        for t in facts
    )
    spot_fees = {(t["id"], t["fee"]["currency"]) for t in found}
    assert spot_fees == {(t["trade_id"], t["fee_currency"]) for t in facts}


def test_orders(exchange: Any, simulator: Simulator) -> None:
    resting = [
        order
        for params in (
            {"type": "spot"},
            {"subType": "linear"},
            {"subType": "linear", "settleCoin": "USDC"},
            {"subType": "inverse", "baseCoin": "BTC"},
        )
        for order in exchange.fetch_open_orders(limit=50, params=params)
    ]
    facts = simulator.truth()["orders"]
    assert {(o["id"], o["symbol"], o["filled"], o["price"]) for o in resting} == {
        (o["order_id"], o["market"], o["filled"], o["price"])
        for o in facts
        if o["status"] == "open"
    }
    ended = exchange.fetch_canceled_and_closed_orders(params={"type": "spot"}, limit=50)
    by_id = {order["order_id"]: order for order in facts}
    assert len(ended) == 50
    for order in ended:
        partly = order["info"]["orderStatus"] == "PartiallyFilledCanceled"
        # ccxt reports a spot order canceled after a fill as closed
        assert partly or order["status"] == by_id[order["id"]]["status"]
        assert order["filled"] == by_id[order["id"]]["filled"]


def test_time(exchange: Any, simulator: Simulator) -> None:
    assert abs(exchange.fetch_time() - simulator.now()) < 2000
