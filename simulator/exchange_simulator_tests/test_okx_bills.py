"""OKX: bills of both accounts, deposits and withdrawals, and their retention."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from exchange_simulator import Simulator, World, serve
from exchange_simulator.layout import LAYOUTS
from exchange_simulator.markets import DAY
from exchange_simulator_tests.conftest import NOW
from exchange_simulator_tests.okx_client import rows, walk

FILLS = "trade/fills-history"
BILLS = "account/bills-archive"
QUARTER = 89 * DAY
Truth = dict[str, Any]


@pytest.fixture(scope="module")
def okx(world: World) -> Iterator[Simulator]:
    """The default world's account on OKX, with the clock frozen at NOW."""
    with serve(world, clock=lambda: NOW, limits=False) as simulator:
        yield simulator


@pytest.fixture(scope="module")
def facts(okx: Simulator) -> Truth:
    return okx.truth(exchange="okx")


@pytest.fixture(scope="module")
def with_expired(okx: Simulator) -> Truth:
    """The truth including expired rows."""
    return okx.truth(exchange="okx", expired=True)


# -- bills ----------------------------------------------------------------------------------------


def test_bills_are_the_ledger_and_add_up(okx: Simulator, facts: Truth) -> None:
    found = walk(okx, BILLS)
    names = ("entry_id", "raw_kind", "asset", "amount", "balance_after", "happened_at")
    ledger = [e for e in facts["ledger"] if e["wallet"] == "trading"]
    assert [
        (r["billId"], r["type"], r["ccy"], r["balChg"], r["bal"], int(r["ts"])) for r in found
    ] == [tuple(entry[name] for name in names) for entry in ledger][::-1]
    for currency in ("USDT", "BTC"):
        for newer, older in pairwise([row for row in found if row["ccy"] == currency]):
            change = Decimal(newer["balChg"])
            assert Decimal(older["bal"]) + change == Decimal(newer["bal"])
    for row in found:
        if row["instType"] == "SWAP":
            assert Decimal(row["pnl"]) + Decimal(row["fee"]) == Decimal(row["balChg"])


def test_bills_are_filtered_by_type_and_instrument(okx: Simulator, facts: Truth) -> None:
    paid = walk(okx, BILLS, {"type": 8})
    assert {row["billId"] for row in paid} == {row["funding_id"] for row in facts["funding"]}
    assert {row["subType"] for row in paid} == {"173", "174"}
    moved = walk(okx, BILLS, {"type": 1})
    assert moved
    assert {(row["instType"], row["from"], row["to"]) for row in moved} == {
        ("", "6", "18"),
        ("", "18", "6"),
    }
    # a filter by instrument type excludes transfers
    spot = walk(okx, "account/bills", {"instType": "SPOT"})
    assert {row["type"] for row in spot} == {"2"}
    inverse = walk(okx, BILLS, {"ctType": "inverse", "ccy": "BTC"})
    assert {row["instId"] for row in inverse} == {"BTC-USD-SWAP"}


def test_a_spot_fill_has_two_bills(okx: Simulator) -> None:
    spot_fills = walk(okx, "trade/fills", {"instType": "SPOT"})
    bills = rows(okx, "account/bills", {"instType": "SPOT"})
    orders = {row["ordId"] for row in bills[:20]}
    fills = {row["billId"] for row in spot_fills if row["ordId"] in orders}
    of_them = [row for row in bills if row["ordId"] in orders]
    assert sum(row["billId"] in fills for row in of_them) == len(of_them) // 2


# -- retention ------------------------------------------------------------------------------------


def test_a_short_sale_is_a_negative_balance(world: World) -> None:
    """`liab` repeats it, and nothing is booked but the trades and the interest."""
    ledger = world.on("okx").account.books.ledger["trading"].rows
    charged = [entry for entry in ledger if entry.kind == "interest"]
    first, last = charged[0].happened_at, charged[-1].happened_at
    clock = [first]
    with serve(world, clock=lambda: clock[0], limits=False) as simulator:
        owing = rows(simulator, "account/balance", {"ccy": "BTC"})[0]["details"][0]
        bills = walk(simulator, BILLS, {"begin": first, "end": first, "type": "7"})
        clock[0] = last + 2 * DAY
        free = rows(simulator, "account/balance", {"ccy": "BTC"})[0]["details"][0]
    assert Decimal(owing["cashBal"]) < -1
    assert Decimal(owing["liab"]) == -Decimal(owing["cashBal"])
    assert Decimal(owing["eq"]) == Decimal(owing["cashBal"]) + Decimal(owing["upl"])
    assert (owing["availBal"], free["liab"]) == ("0", "0")
    assert [(row["subType"], row["ccy"], row["balChg"]) for row in bills] == [
        ("9", "BTC", "-0.00002")
    ]
    assert len(charged) == 3


def test_an_isolated_position_takes_its_margin_from_the_balance() -> None:
    """And pays funding from it, until it is closed."""
    markets = frozenset({"SOL/USDT:USDT", "BTC/USD:BTC"})
    world = World(
        seed=3,
        genesis=datetime.fromtimestamp(NOW / 1000, UTC) - timedelta(days=20),
        exchange="okx",
        layout=replace(LAYOUTS["okx"], isolated=markets),
    )
    with serve(world, clock=lambda: NOW, limits=False) as simulator:
        positions = rows(simulator, "account/positions")
        details = rows(simulator, "account/balance")[0]["details"]
        bills = walk(simulator, BILLS)
        facts = simulator.truth(exchange="okx")
    apart = {row["ccy"]: row for row in positions if row["mgnMode"] == "isolated"}
    assert {row["instId"] for row in apart.values()} <= {"SOL-USDT-SWAP", "BTC-USD-SWAP"}
    assert apart
    totals = {
        row["asset"]: Decimal(row["total"])
        for row in facts["balances"]
        if row["wallet"] == "trading"
    }
    for coin in details:
        margin = Decimal(coin["isoEq"]) - Decimal(coin["isoUpl"])
        assert Decimal(coin["cashBal"]) + margin == totals[coin["ccy"]]
        own = apart.get(coin["ccy"])
        assert margin == (Decimal(own["margin"]) if own else 0)
        [newest, *_] = [row for row in bills if row["ccy"] == coin["ccy"]]
        assert newest["bal"] == coin["cashBal"]
        changes = [row for row in bills if row["ccy"] == coin["ccy"]]
        assert sum(Decimal(row["posBalChg"]) for row in changes) == margin
        assert sum(Decimal(row["balChg"]) for row in changes) == Decimal(coin["cashBal"])
    paid = [row for row in bills if row["type"] == "8" and row["mgnMode"] == "isolated"]
    assert paid
    assert {row["balChg"] for row in paid} == {"0"}
    assert all(row["posBalChg"] == row["pnl"] for row in paid)


@pytest.mark.parametrize(
    ("path", "params", "by", "kept", "dataset"),
    [
        ("trade/fills", {"instType": "SPOT"}, "billId", 3 * DAY, "trades"),
        (FILLS, {"instType": "SPOT"}, "billId", QUARTER, "trades"),
        ("account/bills", {}, "billId", 7 * DAY, "ledger:trading"),
        (BILLS, {}, "billId", QUARTER, "ledger:trading"),
        ("asset/bills", {}, "ts", 30 * DAY, "ledger:funding"),
        ("asset/bills-history", {}, "ts", 10_000 * DAY, "ledger:funding"),
        ("asset/deposit-history", {}, "ts", 10_000 * DAY, "transfers:deposit"),
        ("asset/withdrawal-history", {}, "ts", 10_000 * DAY, "transfers:withdrawal"),
    ],
)
def test_how_long_rows_are_kept(
    okx: Simulator,
    with_expired: Truth,
    path: str,
    params: dict[str, str],
    by: str,
    kept: int,
    dataset: str,
) -> None:
    found = sorted(int(row["ts"]) for row in walk(okx, path, params, by))
    table, _, part = dataset.partition(":")
    times = [
        row.get("happened_at") or row["executed_at"]
        for row in with_expired[table]
        if (table != "ledger" or row["wallet"] == part)
        and (table != "transfers" or row["kind"] == part)
        and (table != "trades" or ":" not in row["market"])
    ]
    assert found == sorted(at for at in times if at >= NOW - kept)
    assert any(at < NOW - kept for at in times) == (kept < 10_000 * DAY)
    # expired rows are not served even if requested
    if by == "billId":
        assert rows(okx, path, params | {"begin": 0, "end": NOW - kept - 1}) == []


# -- the funding account --------------------------------------------------------------------------


def test_the_funding_account(okx: Simulator, facts: Truth) -> None:
    ledger = [e for e in facts["ledger"] if e["wallet"] == "funding"]
    names = ("entry_id", "raw_kind", "asset", "amount", "balance_after", "happened_at")
    expected = [tuple(entry[name] for name in names) for entry in ledger][::-1]
    for paging, by in (("1", "ts"), ("2", "billId")):
        found = walk(okx, "asset/bills-history", {"pagingType": paging, "limit": 30}, by)
        assert [
            (r["billId"], r["type"], r["ccy"], r["balChg"], r["bal"], int(r["ts"])) for r in found
        ] == expected
    assert {"1", "2", "13", "130", "131"} == {entry["raw_kind"] for entry in ledger}
    moved = {
        row["billId"]
        for type in ("130", "131")
        for row in walk(okx, "asset/bills-history", {"type": type}, "ts")
    }
    assert moved == {t["transfer_id"] for t in facts["transfers"] if t["kind"] == "transfer"}


def test_deposits_and_withdrawals_are_paged_by_time(okx: Simulator, facts: Truth) -> None:
    for path, kind, name in (
        ("asset/deposit-history", "deposit", "depId"),
        ("asset/withdrawal-history", "withdrawal", "wdId"),
    ):
        expected = [t for t in facts["transfers"] if t["kind"] == kind][::-1]
        assert len(expected) > 10
        found = walk(okx, path, {"limit": 3}, "ts")
        assert [(row[name], row["ccy"], row["amt"], int(row["ts"])) for row in found] == [
            (t["transfer_id"], t["asset"], t["amount"], t["happened_at"]) for t in expected
        ]
        edge = found[4]["ts"]
        assert rows(okx, path, {"after": edge, "limit": 2}) == found[5:7]
        assert rows(okx, path, {"before": edge, "limit": 2}) == found[:2]
    states = {"ok": "2", "canceled": "-2", "pending": "0"}
    withdrawals = {t["transfer_id"]: t for t in facts["transfers"] if t["kind"] == "withdrawal"}
    for row in walk(okx, "asset/withdrawal-history", {}, "ts"):
        withdrawal = withdrawals[row["wdId"]]
        assert row["state"] == states[withdrawal["status"]]
        assert (row["fee"], row["feeCcy"]) == (withdrawal["fee_cost"], withdrawal["fee_currency"])


def test_the_state_of_a_transfer(okx: Simulator) -> None:
    moved = next(t for t in okx.world.on("okx").account.transfers.rows if t.kind == "transfer")
    state = rows(okx, "asset/transfer-state", {"transId": 464_000_000 + moved.number})[0]
    assert (state["ccy"], state["from"], state["to"], state["state"]) == (
        moved.asset,
        "6",
        "18",
        "success",
    )
