"""European options: the balance is what the funding flow adds up to."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from exchange_simulator import Simulator, World, serve
from exchange_simulator.layout import BINANCE_ACCOUNTS
from exchange_simulator_tests.binance_client import signed
from exchange_simulator_tests.conftest import NOW

DAYS = 15
ACCOUNT, BILL, POSITION = (
    "/eapi/v1/marginAccount",
    "/eapi/v1/bill",
    "/eapi/v1/position",
)
GENESIS = datetime.fromtimestamp(NOW // 1000, UTC) - timedelta(days=DAYS)


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    world = World(genesis=GENESIS, pace=0.2, layout=BINANCE_ACCOUNTS["options trader"])
    with serve(world, clock=lambda: NOW, limits=False) as running:
        yield running


def test_the_flow_adds_up_to_the_balance(simulator: Simulator) -> None:
    rows = signed(simulator, BILL, {"currency": "USDT", "limit": 1000}).json
    assert {row["type"] for row in rows} == {"TRANSFER", "CONTRACT", "FEE"}
    assert len({row["id"] for row in rows}) == len(rows)
    [asset] = signed(simulator, ACCOUNT).result["asset"]
    assert sum(Decimal(row["amount"]) for row in rows) == Decimal(asset["marginBalance"]) > 0
    [true] = [b for b in simulator.truth(exchange="binance")["balances"] if b["wallet"] == "option"]
    assert Decimal(true["total"]) == Decimal(asset["marginBalance"])
    truth = simulator.truth(exchange="binance")["ledger"]
    assert {(str(row["id"]), row["type"]) for row in rows} == {
        (row["entry_id"], row["raw_kind"]) for row in truth if row["wallet"] == "option"
    }


def test_the_flow_is_paged_by_time_or_by_record(simulator: Simulator) -> None:
    rows = signed(simulator, BILL, {"currency": "USDT"}).json
    times = [row["createDate"] for row in rows]
    assert times == sorted(times, reverse=True)
    assert signed(simulator, BILL, {"currency": "USDT", "limit": 2}).json == rows[:2]
    within = {"currency": "USDT", "startTime": times[-1], "endTime": times[-2]}
    assert signed(simulator, BILL, within).json == [r for r in rows if r["createDate"] <= times[-2]]
    since = {"currency": "USDT", "recordId": rows[3]["id"]}
    assert signed(simulator, BILL, since).json == rows[:4]


def test_what_is_held_has_the_equity_beyond_the_balance(simulator: Simulator) -> None:
    rows = signed(simulator, POSITION).json
    assert rows
    [asset] = signed(simulator, ACCOUNT).result["asset"]
    profit = sum(Decimal(row["unrealizedPNL"]) for row in rows)
    assert Decimal(asset["equity"]) - Decimal(asset["marginBalance"]) == profit != 0
    for row in rows:
        value = Decimal(row["quantity"]) * Decimal(row["markPrice"])
        assert abs(value) == Decimal(row["markValue"])
    assert signed(simulator, POSITION, {"symbol": rows[0]["symbol"]}).json == rows[:1]
    assert signed(simulator, POSITION, {"symbol": "BTC-200730-9000-C"}).json == []


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({}, -1102),
        ({"currency": "BTC"}, -1130),
        ({"currency": "USDT", "limit": 1001}, -1130),
        ({"currency": "USDT", "startTime": 2, "endTime": 1}, -1023),
    ],
)
def test_what_the_flow_refuses(simulator: Simulator, params: dict[str, object], code: int) -> None:
    assert signed(simulator, BILL, params).json["code"] == code


def test_an_account_without_options_has_none() -> None:
    world = World(genesis=GENESIS, pace=0, layout=BINANCE_ACCOUNTS["spot only"])
    with serve(world, clock=lambda: NOW, limits=False) as running:
        assert signed(running, "/sapi/v1/account/info").result["isOptionsEnabled"] is False
        refused = [signed(running, path).json["code"] for path in (ACCOUNT, BILL, POSITION)]
        assert refused == [-2015] * 3
