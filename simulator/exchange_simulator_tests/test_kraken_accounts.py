"""Kraken's accounts that trade on margin, are old, or were never used."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from kraken.spot import Funding, User

from exchange_simulator import DEMO_SECRET, Key, Simulator, World, serve
from exchange_simulator.layout import KRAKEN_ACCOUNTS
from exchange_simulator.markets import DAY
from exchange_simulator_tests.kraken_client import NOW, NOW_AT, all_pages, private

# python-kraken-sdk counts its nonces in its own unit, so it needs its own key
SDK_KEY = "key-of-sdk"


@pytest.fixture(scope="module")
def margin() -> Iterator[Simulator]:
    genesis = NOW_AT - timedelta(days=20)
    world = World(seed=5, genesis=genesis, layout=KRAKEN_ACCOUNTS["margin"])
    keys = [Key(), Key(key=SDK_KEY)]
    with serve(world, clock=lambda: NOW, limits=False, keys=keys) as simulator:
        yield simulator


@pytest.fixture(scope="module")
def facts(margin: Simulator) -> dict[str, Any]:
    return margin.truth(exchange="kraken")


def test_fills_on_margin_say_so(margin: Simulator, facts: dict[str, Any]) -> None:
    trades = all_pages(margin, "TradesHistory", "trades", {"consolidate_taker": "false"})
    on_margin = {t["trade_id"] for t in facts["trades"] if ":" in t["market"]}
    assert {name for name, row in trades.items() if Decimal(row["margin"])} == on_margin
    assert {row["leverage"] for name, row in trades.items() if name not in on_margin} == {"0"}
    closing = {name for name, row in trades.items() if row["misc"] == "closing"}
    opening = {name for name, row in trades.items() if row.get("posstatus") == "open"}
    assert closing | opening == on_margin
    assert closing
    assert opening
    only = {"consolidate_taker": "false", "type": "any position"}
    assert all_pages(margin, "TradesHistory", "trades", only).keys() == on_margin
    only["type"] = "no position"
    assert not all_pages(margin, "TradesHistory", "trades", only).keys() & on_margin


def test_a_fill_on_margin_books_its_profit_and_fee(margin: Simulator) -> None:
    trades = all_pages(margin, "TradesHistory", "trades", {"consolidate_taker": "false"})
    entries = all_pages(margin, "Ledgers", "ledger", {"type": "margin"})
    assert len(entries) > 100
    for entry in entries.values():
        trade = trades[entry["refid"]]
        assert Decimal(entry["fee"]) == Decimal(trade["fee"])
        # opening moves neither base nor quote
        assert (trade["misc"] == "closing") or not Decimal(entry["amount"])
    assert any(Decimal(entry["amount"]) for entry in entries.values())


def test_rollover_fees_refer_to_a_fill_that_opened_the_position(margin: Simulator) -> None:
    trades = all_pages(margin, "TradesHistory", "trades", {"consolidate_taker": "false"})
    entries = all_pages(margin, "Ledgers", "ledger", {"type": "rollover"})
    assert entries
    for entry in entries.values():
        assert not Decimal(entry["amount"])
        assert Decimal(entry["fee"]) > 0
        assert Decimal(trades[entry["refid"]]["margin"])


def test_the_sdk_reads_positions_and_transfers(margin: Simulator, facts: dict[str, Any]) -> None:
    user = User(key=SDK_KEY, secret=DEMO_SECRET, url=margin.url)
    by_market = user.get_open_positions(docalcs=True)
    one_by_one = private(margin, "OpenPositions", {"docalcs": "true"}).result
    assert [row["pair"] for row in one_by_one.values()] == [row["pair"] for row in by_market]
    found = {
        row["pair"]: (row["type"], Decimal(row["vol"]), Decimal(row["net"])) for row in by_market
    }
    assert found == {
        row["market"].partition(":")[0].replace("/", "").replace("BTC", "XBT"): (
            {"long": "buy", "short": "sell"}[row["side"]],
            Decimal(row["contracts"]),
            Decimal(row["unrealized_pnl"]),
        )
        for row in facts["positions"]
    }
    ledger = user.get_ledgers_info(type_="deposit")
    deposits = {t["transfer_id"] for t in facts["transfers"] if t["kind"] == "deposit"}
    assert {row["refid"] for row in ledger["ledger"].values()} == deposits
    funding = Funding(key=SDK_KEY, secret=DEMO_SECRET, url=margin.url)
    withdrawn = {row["refid"] for row in funding.get_recent_withdraw_status()}
    assert withdrawn == {t["transfer_id"] for t in facts["transfers"] if t["kind"] == "withdrawal"}


def test_only_recent_transfers_have_a_status() -> None:
    world = World(seed=4, genesis=NOW_AT - timedelta(days=400), pace=0.03)
    with serve(world, clock=lambda: NOW, limits=False) as simulator:
        transfers = simulator.truth(exchange="kraken")["transfers"]
        for name, kind in (("DepositStatus", "deposit"), ("WithdrawStatus", "withdrawal")):
            found = {row["refid"] for row in private(simulator, name, {"start": "1"}).result}
            every = [t for t in transfers if t["kind"] == kind]
            listed = {t["transfer_id"] for t in every if t["happened_at"] >= NOW - 90 * DAY}
            assert found == listed or (len(found) == 25 and found < listed)
            assert len(listed) < len(every)
            entries = all_pages(simulator, "Ledgers", "ledger", {"type": kind})
            assert {e["refid"] for e in entries.values()} == {t["transfer_id"] for t in every}


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("Balance", {"error": []}),
        ("BalanceEx", {"error": []}),
        ("TradesHistory", {"error": [], "result": {"trades": {}, "count": 0}}),
        ("ClosedOrders", {"error": [], "result": {"closed": {}, "count": 0}}),
        ("OpenOrders", {"error": [], "result": {"open": {}}}),
        ("OpenPositions", {"error": [], "result": {}}),
        ("Ledgers", {"error": [], "result": {"ledger": {}, "count": 0}}),
    ],
)
def test_only_the_balances_of_an_account_that_was_never_used_have_no_result(
    name: str, answer: dict[str, Any]
) -> None:
    """The answers of an empty account: github.com/rotki/rotki/issues/946, of 2020-04-28."""
    world = World(genesis=NOW_AT - timedelta(days=9), layout=KRAKEN_ACCOUNTS["empty"])
    with serve(world, clock=lambda: NOW, limits=False) as simulator:
        assert private(simulator, name).body == answer
        assert private(simulator, "Ledgers", {"ofs": "x"}).error
        assert private(simulator, "GetApiKeyInfo").result["permissions"]
