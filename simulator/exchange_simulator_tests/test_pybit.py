"""Bybit's own client, pybit, reads the truth from the simulator."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from pybit.unified_trading import HTTP

from exchange_simulator import DEMO_KEY, DEMO_SECRET, Simulator, World, serve
from exchange_simulator.markets import DAY

CATEGORIES = ("spot", "linear", "inverse", "option")


@pytest.fixture
def pybit(live: Simulator) -> HTTP:
    client = HTTP(api_key=DEMO_KEY, api_secret=DEMO_SECRET)
    client.endpoint = live.url
    return client


def pages(ask: Callable[..., dict[str, Any]], **params: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    while True:
        result = ask(**params)["result"]
        rows += result.get("list", result.get("rows"))
        if not result["nextPageCursor"]:
            return rows
        params["cursor"] = result["nextPageCursor"]


def weeks(simulator: Simulator, until: int) -> list[dict[str, int]]:
    starts = range(simulator.world.genesis, until, 7 * DAY)
    return [{"startTime": start, "endTime": min(start + 7 * DAY - 1, until)} for start in starts]


def test_balances(pybit: HTTP, live: Simulator) -> None:
    answer = pybit.get_wallet_balance(accountType="UNIFIED")
    coins = {coin["coin"]: coin for coin in answer["result"]["list"][0]["coin"]}
    facts = live.truth(answer["time"])["balances"]
    unified = {row["asset"]: row for row in facts if row["wallet"] == "unified"}
    assert {asset for asset, row in unified.items() if row["total"] != "0"} == set(coins)
    for asset, coin in coins.items():
        used = sum(Decimal(coin[n]) for n in ("locked", "totalOrderIM", "totalPositionIM"))
        assert coin["walletBalance"] == unified[asset]["total"]
        assert used == Decimal(unified[asset]["used"])
    funding = pybit.get_coins_balance(accountType="FUND")["result"]["balance"]
    assert {row["coin"]: row["walletBalance"] for row in funding} == {
        row["asset"]: row["total"]
        for row in facts
        if row["wallet"] == "funding" and row["total"] != "0"
    }


def test_positions(pybit: HTTP, live: Simulator) -> None:
    asked: tuple[dict[str, str], ...] = (
        {"category": "linear", "settleCoin": "USDT"},
        {"category": "linear", "settleCoin": "USDC"},
        {"category": "inverse"},
        {"category": "option"},
    )
    held: set[tuple[str, ...]] = set()
    facts: set[tuple[str, ...]] = set()
    for query in asked:
        answer = pybit.get_positions(**query, limit=200)
        for row in answer["result"]["list"]:
            held.add((row["side"], row["size"], row["avgPrice"], row["markPrice"]))
            assert row["size"] != "0"
        sides = {"long": "Buy", "short": "Sell"}
        facts |= {
            (sides[row["side"]], row["contracts"], row["entry_price"], row["mark_price"])
            for row in live.truth(answer["time"])["positions"]
            if _asked_for(row["market"], query)
        }
    assert held
    assert held == facts


def _asked_for(market: str, query: dict[str, str]) -> bool:
    settle = market.partition(":")[2]
    if "-" in market:
        return query["category"] == "option"
    if market == "BTC/USD:BTC":
        return query["category"] == "inverse"
    return query.get("settleCoin") == settle


def test_every_fill_and_funding_payment(pybit: HTTP, live: Simulator) -> None:
    until = live.now() - 1000
    facts = live.truth(until)
    found = [
        row
        for category in CATEGORIES
        for week in weeks(live, until)
        for row in pages(pybit.get_executions, category=category, limit=100, **week)
    ]
    fills = {
        (
            row["execId"],
            row["side"].lower(),
            row["orderId"],
            int(row["execTime"]),
            row["execPrice"],
            row["execQty"],
            row["execValue"],
            row["execFee"],
            row["feeCurrency"],
            "maker" if row["isMaker"] else "taker",
        )
        for row in found
        if row["execType"] != "Funding"
    }
    names = (
        "trade_id",
        "side",
        "order_id",
        "executed_at",
        "price",
        "amount",
        "cost",
        "fee_cost",
        "fee_currency",
        "taker_or_maker",
    )
    assert len(fills) > 1000
    assert fills == {tuple(trade[name] for name in names) for trade in facts["trades"]}
    assert {row["execId"] for row in found if row["execType"] == "Funding"} == {
        row["funding_id"] for row in facts["funding"]
    }
    assert len({row["execId"] for row in found}) == len(found)


def test_every_order(pybit: HTTP, live: Simulator) -> None:
    until = live.now() - 1000
    ended = [
        row
        for category in CATEGORIES
        for week in weeks(live, until)
        for row in pages(pybit.get_order_history, category=category, limit=50, **week)
    ]
    resting = [
        row
        for query in (
            {"category": "spot"},
            {"category": "linear", "settleCoin": "USDT"},
            {"category": "linear", "settleCoin": "USDC"},
            {"category": "inverse"},
            {"category": "option"},
        )
        for row in pages(pybit.get_open_orders, limit=50, **query)
    ]
    facts = live.truth(until)["orders"]
    assert {(row["orderId"], row["cumExecQty"]) for row in ended} == {
        (order["order_id"], order["filled"]) for order in facts if order["status"] != "open"
    }
    assert {(row["orderId"], row["cumExecQty"]) for row in resting} == {
        (order["order_id"], order["filled"]) for order in facts if order["status"] == "open"
    }


def test_the_transaction_log_is_the_ledger(pybit: HTTP, live: Simulator) -> None:
    until = live.now() - 1000
    week = weeks(live, until)[1]
    rows = pages(pybit.get_transaction_log, limit=50, **week)
    found = {
        (r["id"], int(r["transactionTime"]), r["currency"], r["change"], r["cashBalance"])
        for r in rows
    }
    assert found == {
        (e["entry_id"], e["happened_at"], e["asset"], e["amount"], e["balance_after"])
        for e in live.truth(until)["ledger"]
        if e["wallet"] == "unified" and week["startTime"] <= e["happened_at"] <= week["endTime"]
    }


def test_deposits_withdrawals_and_transfers(pybit: HTTP, live: Simulator) -> None:
    until = live.now() - 1000
    facts = live.truth(until)["transfers"]
    deposits = pages(pybit.get_deposit_records, limit=50)
    withdrawals = pages(pybit.get_withdrawal_records, limit=50)
    moved = [
        row
        for week in weeks(live, until)
        for row in pages(pybit.get_internal_transfer_records, **week)
    ]
    assert [row["id"] for row in deposits][::-1] == ids(facts, "deposit")
    assert [row["withdrawId"] for row in withdrawals][::-1] == ids(facts, "withdrawal")
    assert sorted(row["transferId"] for row in moved) == sorted(ids(facts, "transfer"))


def ids(transfers: list[dict[str, Any]], kind: str) -> list[str]:
    return [row["transfer_id"] for row in transfers if row["kind"] == kind]


def test_the_key(pybit: HTTP) -> None:
    about = pybit.get_api_key_information()["result"]
    assert (about["apiKey"], about["readOnly"]) == (DEMO_KEY, 1)


def test_what_is_listed_to_an_upgraded_account() -> None:
    """Each fill in exactly one of the two lists, options by coin."""
    today = datetime.now(UTC)
    upgraded_at = today - timedelta(days=10)
    world = World(
        genesis=today - timedelta(days=45), option_coins=("BTC", "ETH"), upgraded_at=upgraded_at
    )
    with serve(world, limits=False) as simulator:
        client = HTTP(api_key=DEMO_KEY, api_secret=DEMO_SECRET)
        client.endpoint = simulator.url
        now = simulator.now() - 1000
        windows = weeks(simulator, now)
        found: dict[str, list[dict[str, Any]]] = {"earlier": [], "later": []}
        for category in CATEGORIES:
            for coin in ("BTC", "ETH") if category == "option" else ("",):
                scope = {"category": category, "limit": 100} | ({"baseCoin": coin} if coin else {})
                for week in windows:
                    asked = {**scope, **week}
                    found["earlier"] += pages(client.get_pre_upgrade_trade_history, **asked)
                    found["later"] += pages(client.get_executions, **asked)
        facts = simulator.truth(now)
    upgraded = int(upgraded_at.timestamp() * 1000)
    fills = {
        name: {row["execId"] for row in rows if row["execType"] != "Funding"}
        for name, rows in found.items()
    }
    assert fills == {
        "earlier": {t["trade_id"] for t in facts["trades"] if t["executed_at"] < upgraded},
        "later": {t["trade_id"] for t in facts["trades"] if t["executed_at"] >= upgraded},
    }
    assert any("ETH/" in t["market"] and "-" in t["market"] for t in facts["trades"])
