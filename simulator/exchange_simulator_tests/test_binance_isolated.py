"""Isolated margin: what the pairs have adds up to the wallet, and their entries to what they
have."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from exchange_simulator import Simulator, World, serve
from exchange_simulator.layout import BINANCE_ACCOUNTS
from exchange_simulator_tests.binance_client import signed
from exchange_simulator_tests.conftest import NOW

ACCOUNT = "/sapi/v1/margin/isolated/account"
DAYS = 6


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    genesis = datetime.fromtimestamp(NOW // 1000, UTC) - timedelta(days=DAYS)
    world = World(genesis=genesis, pace=0.2, layout=BINANCE_ACCOUNTS["isolated margin"])
    with serve(world, clock=lambda: NOW, limits=False) as running:
        yield running


def test_pairs_add_up_to_the_wallet_and_their_entries_to_them(simulator: Simulator) -> None:
    totals: defaultdict[str, Decimal] = defaultdict(Decimal)
    debts: defaultdict[str, Decimal] = defaultdict(Decimal)
    for pair in signed(simulator, ACCOUNT).result["assets"]:
        params = {"symbol": pair["symbol"], "startTime": NOW - DAYS * 86_400_000, "limit": 1000}
        flows = signed(simulator, "/sapi/v1/margin/capital-flow", params).json
        assert {flow["symbol"] for flow in flows} == {pair["symbol"]}
        for side in (pair["baseAsset"], pair["quoteAsset"]):
            held = Decimal(side["free"]) + Decimal(side["locked"])
            moved = sum(Decimal(f["amount"]) for f in flows if f["asset"] == side["asset"])
            assert held == moved != 0
            totals[side["asset"]] += held
            debts[side["asset"]] += Decimal(side["borrowed"])
    truth = [
        b for b in simulator.truth(exchange="binance")["balances"] if b["wallet"] == "isolated"
    ]
    assert totals == {row["asset"]: Decimal(row["total"]) for row in truth}
    assert debts == {row["asset"]: Decimal(row["debt"]) for row in truth}
    assert debts["USDT"] > 0


def test_symbols_narrow_the_account_down(simulator: Simulator) -> None:
    found = signed(simulator, ACCOUNT, {"symbols": "SOLUSDT"}).result["assets"]
    assert [pair["symbol"] for pair in found] == ["SOLUSDT"]


def test_a_transfer_between_pairs_is_in_both_lists(simulator: Simulator) -> None:
    lists = []
    for symbol in ("BTCUSDT", "SOLUSDT"):
        params = {"isolatedSymbol": symbol, "startTime": NOW - DAYS * 86_400_000, "size": 100}
        rows = signed(simulator, "/sapi/v1/margin/transfer", params).result["rows"]
        lists.append({row["txId"]: row["type"] for row in rows})
    both = lists[0].keys() & lists[1].keys()
    assert both
    assert all({lists[0][name], lists[1][name]} == {"ROLL_IN", "ROLL_OUT"} for name in both)
