"""Ledger entries of trades, deposits and withdrawals."""

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from exchange_simulator import Simulator, serve
from exchange_simulator.markets import DAY
from exchange_simulator_tests.kraken_client import (
    NOW,
    all_pages,
    ninety_days,
    private,
)


@pytest.fixture(scope="module")
def kraken() -> Iterator[Simulator]:
    with serve(ninety_days(), clock=lambda: NOW, limits=False) as simulator:
        yield simulator


@pytest.fixture(scope="module")
def facts(kraken: Simulator) -> dict[str, Any]:
    return kraken.truth(exchange="kraken")


def test_every_trade_makes_two_ledger_entries(kraken: Simulator, facts: dict[str, Any]) -> None:
    window = {"start": (NOW - 4 * DAY) // 1000, "type": "trade"}
    entries = all_pages(kraken, "Ledgers", "ledger", window)
    by_trade: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for entry in entries.values():
        by_trade[entry["refid"]].append(entry)
    trades = {trade["trade_id"]: trade for trade in facts["trades"]}
    assert len(by_trade) > 50
    for name, pair in by_trade.items():
        trade = trades[name]
        base, quote = sorted(pair, key=lambda entry: entry["asset"] in ("USDT", "USDC"))
        if trade["market"] == "ETH/BTC":
            base, quote = sorted(pair, key=lambda entry: entry["asset"] == "XXBT")
        sign = 1 if trade["side"] == "buy" else -1
        assert Decimal(base["amount"]) == sign * Decimal(trade["amount"])
        assert Decimal(quote["amount"]) == -sign * Decimal(trade["cost"])
        # one of the two has the fee
        assert not Decimal(base["fee"])
        assert Decimal(quote["fee"]) == Decimal(trade["fee_cost"])


def test_the_ledger_adds_up(kraken: Simulator, facts: dict[str, Any]) -> None:
    balances = private(kraken, "Balance").result
    for asset in ("XXBT", "SOL"):
        entries = all_pages(kraken, "Ledgers", "ledger", {"asset": asset})
        changes = [Decimal(e["amount"]) - Decimal(e["fee"]) for e in entries.values()]
        balance = Decimal(next(iter(entries.values()))["balance"])
        assert sum(changes) == balance == Decimal(balances[asset])
        name = {"XXBT": "BTC"}.get(asset, asset)
        wanted = {e["entry_id"]: e for e in facts["ledger"] if e["asset"] == name}
        assert entries.keys() == wanted.keys()
        for entry_id, entry in entries.items():
            assert entry["type"] == wanted[entry_id]["kind"]
            assert entry["refid"] == wanted[entry_id]["reference_id"]


def test_the_ledger_by_assets_and_types(kraken: Simulator) -> None:
    page = private(kraken, "Ledgers", {"asset": "XBT,XRP", "type": "deposit"}).result
    assert {entry["asset"] for entry in page["ledger"].values()} == {"XXBT", "XXRP"}
    assert {entry["type"] for entry in page["ledger"].values()} == {"deposit"}
    one, two = list(page["ledger"])[:2]
    assert private(kraken, "QueryLedgers", {"id": f"{two},{one}"}).result == {
        name: page["ledger"][name] for name in (one, two)
    }


def test_a_canceled_withdrawal_is_refunded_with_its_fee(
    kraken: Simulator, facts: dict[str, Any]
) -> None:
    canceled = next(
        row
        for row in facts["transfers"]
        if (row["kind"], row["status"]) == ("withdrawal", "canceled")
    )
    entries = all_pages(kraken, "Ledgers", "ledger", {"type": "withdrawal"})
    back, withdrawn = (e for e in entries.values() if e["refid"] == canceled["transfer_id"])
    assert Decimal(withdrawn["amount"]) == -Decimal(canceled["amount"])
    assert Decimal(withdrawn["fee"]) == Decimal(canceled["fee_cost"]) > 0
    assert Decimal(back["amount"]) == Decimal(canceled["amount"])
    assert Decimal(back["fee"]) == -Decimal(canceled["fee_cost"])


def test_a_trade_references_its_ledger_entries(kraken: Simulator) -> None:
    trades = private(kraken, "TradesHistory", {"ledgers": "true"}).result["trades"]
    entries = [name for trade in trades.values() for name in trade["ledgers"]]
    assert len(entries) >= 100
    some = private(kraken, "QueryLedgers", {"id": ",".join(entries[:2])}).result
    assert {entry["type"] for entry in some.values()} == {"trade"}
