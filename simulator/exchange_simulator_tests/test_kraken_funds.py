"""Deposits, withdrawals and balances."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from exchange_simulator import Simulator, serve
from exchange_simulator.kraken.funding import LISTED
from exchange_simulator_tests.kraken_client import (
    NOW,
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


@pytest.mark.parametrize(
    ("name", "rows", "kind"),
    [
        ("DepositStatus", "deposit", "deposit"),
        ("WithdrawStatus", "withdrawals", "withdrawal"),
    ],
)
def test_deposits_and_withdrawals(
    kraken: Simulator, facts: dict[str, Any], name: str, rows: str, kind: str
) -> None:
    wanted = [
        row
        for row in facts["transfers"]
        if row["kind"] == kind and row["happened_at"] >= NOW - LISTED
    ][::-1]
    found: list[dict[str, Any]] = []
    cursor: Any = "true"
    while cursor:
        page = private(kraken, name, {"cursor": cursor, "limit": 2}).result
        assert 1 <= len(page[rows]) <= 2
        assert page[rows][0] not in found
        found += page[rows]
        cursor = page["next_cursor"]
    assert [row["refid"] for row in found] == ids_in_order(wanted)
    assert len(found) > 5
    statuses = {"ok": "Success", "pending": "Pending", "canceled": "Failure"}
    for row, transfer in zip(found, wanted, strict=True):
        assert Decimal(row["amount"]) == Decimal(transfer["amount"])
        # some rows without a fee do not say so
        assert Decimal(row.get("fee", 0)) == Decimal(transfer["fee_cost"])
        assert row["status"] == statuses[transfer["status"]]
        assert ("status-prop" in row) == (transfer["status"] == "canceled")
        # whole seconds
        assert row["time"] == transfer["happened_at"] // 1000
    assert kind == "withdrawal" or not all("fee" in row for row in found)
    # without a cursor: one page, without any hint of more
    plain = private(kraken, name).result
    assert plain == found[: 25 if kind == "deposit" else 500]
    assert private(kraken, name, {"limit": 1000}).result == plain


def ids_in_order(transfers: list[dict[str, Any]]) -> list[str]:
    return [transfer["transfer_id"] for transfer in transfers]


def test_both_ends_of_deposits_are_inclusive(kraken: Simulator, facts: dict[str, Any]) -> None:
    deposit = next(row for row in reversed(facts["transfers"]) if row["kind"] == "deposit")
    second = deposit["happened_at"] // 1000

    def found(start: str, end: str) -> bool:
        rows = private(kraken, "DepositStatus", {"start": start, "end": end}).result
        return deposit["transfer_id"] in [row["refid"] for row in rows]

    assert found(f"{second}", f"{second}")
    # the deposit has whole seconds: half a second later is too late
    assert not found(f"{second}.5", f"{second + 1}")
    assert found(f"{second - 1}.5", f"{second}.5")


def test_deposits_by_asset(kraken: Simulator) -> None:
    found = private(kraken, "DepositStatus", {"asset": "XBT"}).result
    assert {row["asset"] for row in found} == {"XXBT"}
    methods = private(kraken, "DepositMethods", {"asset": "XXBT"}).result
    assert {row["method"] for row in found} == {methods[0]["method"]}
    assert private(kraken, "DepositMethods", {"asset": "NIX"}).error == ["EFunding:Unknown asset"]


def test_balances(kraken: Simulator, facts: dict[str, Any]) -> None:
    names = {"BTC": "XXBT", "ETH": "XETH", "XRP": "XXRP"}
    held = {names.get(row["asset"], row["asset"]): row for row in facts["balances"]}
    plain = private(kraken, "Balance").result
    extended = private(kraken, "BalanceEx").result
    assert plain.keys() == extended.keys() == held.keys()
    for name, row in held.items():
        assert Decimal(plain[name]) == Decimal(extended[name]["balance"]) == Decimal(row["total"])
        assert Decimal(extended[name]["hold_trade"]) == Decimal(row["used"])
    assert any(Decimal(row["hold_trade"]) for row in extended.values())


def test_trade_balance(kraken: Simulator) -> None:
    dollars = Decimal(private(kraken, "TradeBalance").result["eb"])
    coins = Decimal(private(kraken, "TradeBalance", {"asset": "XBT"}).result["eb"])
    assert dollars > 100_000 > 100 > coins > 0
    assert private(kraken, "TradeBalance", {"asset": "NIX"}).error == ["EQuery:Unknown asset"]
