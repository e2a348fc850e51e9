"""Balances of every wallet, deposits, withdrawals, transfers and margin's ledger."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from exchange_simulator import Simulator, World, serve
from exchange_simulator.binance import names
from exchange_simulator.markets import DAY, WEEK
from exchange_simulator_tests.binance_client import signed
from exchange_simulator_tests.conftest import NOW

DEPOSITS, WITHDRAWALS = "/sapi/v1/capital/deposit/hisrec", "/sapi/v1/capital/withdraw/history"
TRANSFERS, FLOW = "/sapi/v1/asset/transfer", "/sapi/v1/margin/capital-flow"
ACCOUNTS = {
    "spot": "MAIN",
    "funding": "FUNDING",
    "margin": "MARGIN",
    "usdm": "UMFUTURE",
    "coinm": "CMFUTURE",
}


@pytest.fixture(scope="module")
def simulator(world: World) -> Iterator[Simulator]:
    with serve(world, clock=lambda: NOW, limits=False) as running:
        yield running


@pytest.fixture(scope="module")
def facts(simulator: Simulator) -> dict[str, Any]:
    return simulator.truth(exchange="binance")


def held(facts: dict[str, Any], wallet: str) -> dict[str, dict[str, str]]:
    return {row["asset"]: row for row in facts["balances"] if row["wallet"] == wallet}


def test_spot_and_margin_and_funding(simulator: Simulator, facts: dict[str, Any]) -> None:
    spot = signed(simulator, "/api/v3/account").result["balances"]
    margin = signed(simulator, "/sapi/v1/margin/account").result["userAssets"]
    for rows, wallet in ((spot, "spot"), (margin, "margin")):
        expected = held(facts, wallet)
        assert {row["asset"] for row in rows} == set(expected)
        for row in rows:
            assert Decimal(row["free"]) == Decimal(expected[row["asset"]]["free"])
            assert Decimal(row["locked"]) == Decimal(expected[row["asset"]]["used"])
    debts = {row["asset"]: Decimal(row["borrowed"]) for row in margin if row["borrowed"][0] != "0"}
    assert debts == {
        asset: Decimal(row["debt"])
        for asset, row in held(facts, "margin").items()
        if row["debt"] != "0"
    }
    assert debts
    funding = signed(simulator, "/sapi/v1/asset/get-funding-asset", post=True).result
    assert {row["asset"]: row["free"] for row in funding} == {
        asset: row["total"] for asset, row in held(facts, "funding").items()
    }
    # zeros are included unless excluded by the parameter
    assert "FTM" in {row["asset"] for row in spot}
    wanted = signed(simulator, "/api/v3/account", {"omitZeroBalances": "true"}).result
    assert {row["asset"] for row in wanted["balances"]} == {r["asset"] for r in spot} - {"FTM"}


@pytest.mark.parametrize(
    ("path", "wallet"),
    [
        ("/fapi/v2/balance", "usdm"),
        ("/fapi/v3/balance", "usdm"),
        ("/dapi/v1/balance", "coinm"),
    ],
)
def test_the_futures_wallets(
    simulator: Simulator, facts: dict[str, Any], path: str, wallet: str
) -> None:
    rows = {row["asset"]: row for row in signed(simulator, path).result}
    # an asset that was never held is included, with the time 0
    assert rows.pop("BNB")["updateTime"] == 0
    assert {asset: Decimal(row["balance"]) for asset, row in rows.items()} == {
        asset: Decimal(row["total"]) for asset, row in held(facts, wallet).items()
    }


@pytest.mark.parametrize(
    ("path", "wallet", "suffix"),
    [
        ("/fapi/v2/account", "usdm", ("USDT", "USDC")),
        ("/fapi/v3/account", "usdm", ("USDT", "USDC")),
        ("/dapi/v1/account", "coinm", ("BTC",)),
    ],
)
def test_the_futures_accounts(
    simulator: Simulator, facts: dict[str, Any], path: str, wallet: str, suffix: tuple[str, ...]
) -> None:
    account = signed(simulator, path).result
    assets = {row["asset"]: row for row in account["assets"] if row["asset"] != "BNB"}
    for asset, row in held(facts, wallet).items():
        assert Decimal(assets[asset]["walletBalance"]) == Decimal(row["total"])
        assert Decimal(assets[asset]["initialMargin"]) == Decimal(row["used"])
        profit = Decimal(assets[asset]["unrealizedProfit"])
        assert Decimal(assets[asset]["marginBalance"]) == Decimal(row["total"]) + profit
    sizes = [Decimal(position["positionAmt"]) for position in account["positions"]]
    held_ones = [p for p in facts["positions"] if p["market"].endswith(suffix)]
    assert len(list(filter(None, sizes))) == len(held_ones)
    if path == "/fapi/v3/account":
        assert all(sizes)
    elif wallet == "usdm":
        assert len(sizes) == 5


@pytest.mark.parametrize(
    ("path", "suffix", "everything"),
    [
        ("/fapi/v2/positionRisk", ("USDT", "USDC"), True),
        ("/fapi/v3/positionRisk", ("USDT", "USDC"), False),
        ("/dapi/v1/positionRisk", ("BTC",), True),
    ],
)
def test_positions(
    simulator: Simulator,
    facts: dict[str, Any],
    path: str,
    suffix: tuple[str, ...],
    everything: bool,
) -> None:
    rows = signed(simulator, path).result
    expected = [p for p in facts["positions"] if p["market"].endswith(suffix)]
    assert expected
    if everything:
        assert len(rows) >= len(expected)
        rows = [row for row in rows if Decimal(row["positionAmt"])]
    signs = {"long": 1, "short": -1}
    assert sorted((Decimal(r["positionAmt"]), Decimal(r["entryPrice"])) for r in rows) == sorted(
        (signs[p["side"]] * Decimal(p["contracts"]), Decimal(p["entry_price"])) for p in expected
    )
    assert {Decimal(row["unRealizedProfit"]) for row in rows} == {
        Decimal(position["unrealized_pnl"]) for position in expected
    }


def test_the_value_of_all_wallets(simulator: Simulator) -> None:
    rows = signed(simulator, "/sapi/v1/asset/wallet/balance", {"quoteAsset": "USDT"}).result
    worth = {row["walletName"]: Decimal(row["balance"]) for row in rows}
    assert len(worth) == 10
    opened = {row["walletName"] for row in rows if row["activate"]}
    assert {name for name, value in worth.items() if value > 1000} == opened
    assert {name for name, value in worth.items() if value == 0} == worth.keys() - opened


# -- deposits and withdrawals --------------------------------------------------------------------


@pytest.mark.parametrize(("path", "kind"), [(DEPOSITS, "deposit"), (WITHDRAWALS, "withdrawal")])
def test_ninety_days_at_a_time(
    simulator: Simulator, world: World, facts: dict[str, Any], path: str, kind: str
) -> None:
    expected = [row for row in facts["transfers"] if row["kind"] == kind]
    found: list[dict[str, Any]] = []
    for start in range(world.genesis, NOW, 90 * DAY):
        window = {"startTime": start, "endTime": start + 90 * DAY - 1}
        rows = signed(simulator, path, window).result
        # newest first; the next page starts at `offset`
        found += rows[::-1]
        pages = [
            signed(simulator, path, window | {"offset": offset, "limit": 5}).result
            for offset in range(0, len(rows), 5)
        ]
        assert [row for page in pages for row in page] == rows
    assert len(expected) > 20
    assert [row["id"] for row in found] == [row["transfer_id"] for row in expected]
    assert [row["amount"] for row in found] == [row["amount"] for row in expected]
    too_long = {"startTime": NOW - 90 * DAY - 1, "endTime": NOW}
    assert signed(simulator, path, too_long).code == -1127
    recent = [r["transfer_id"] for r in expected if r["happened_at"] >= NOW - 90 * DAY]
    assert [row["id"] for row in signed(simulator, path).result] == recent[::-1]
    usdt = {row["id"] for row in signed(simulator, path, {"coin": "USDT"}).result}
    assert usdt == {
        r["transfer_id"] for r in expected if r["asset"] == "USDT" and r["transfer_id"] in recent
    }


def test_withdrawals_have_fee_state_and_whole_seconds(
    simulator: Simulator, facts: dict[str, Any]
) -> None:
    expected = {row["transfer_id"]: row for row in facts["transfers"]}
    statuses = {"pending": 4, "ok": 6, "canceled": 1}
    seen = set()
    for start in range(NOW - 270 * DAY, NOW, 90 * DAY):
        window = {"startTime": start, "endTime": start + 90 * DAY}
        for row in signed(simulator, WITHDRAWALS, window).result:
            truth = expected[row["id"]]
            assert row["status"] == statuses[truth["status"]]
            assert row["transactionFee"] == truth["fee_cost"]
            applied = datetime.fromisoformat(row["applyTime"]).replace(tzinfo=UTC)
            assert applied.timestamp() == truth["happened_at"] // 1000
            seen.add(truth["status"])
    assert {"ok", "canceled"} <= seen


# -- transfers -----------------------------------------------------------------------------------


def test_transfers_are_served_by_direction_for_six_months(
    simulator: Simulator, world: World, facts: dict[str, Any]
) -> None:
    expected = [row for row in facts["transfers"] if row["kind"] == "transfer"]
    found: dict[str, Any] = {}
    for source in ACCOUNTS.values():
        for target in ACCOUNTS.values():
            params = {"type": f"{source}_{target}", "startTime": world.genesis, "size": 7}
            page = 1
            while rows := signed(simulator, TRANSFERS, params | {"current": page}).result.get(
                "rows"
            ):
                found |= {str(row["tranId"]): row for row in rows}
                times = [row["timestamp"] for row in rows]
                assert times == sorted(times, reverse=True)
                page += 1
    assert set(found) == {row["transfer_id"] for row in expected}
    assert min(row["happened_at"] for row in expected) >= NOW - 180 * DAY > world.genesis
    for truth in expected:
        row = found[truth["transfer_id"]]
        direction = f"{ACCOUNTS[truth['from_wallet']]}_{ACCOUNTS[truth['to_wallet']]}"
        assert (row["type"], row["asset"]) == (direction, truth["asset"])
        assert Decimal(row["amount"]) == Decimal(truth["amount"])


def test_transfers_of_a_week_and_none_at_all(simulator: Simulator, facts: dict[str, Any]) -> None:
    week = [
        row["transfer_id"]
        for row in facts["transfers"]
        if (row["from_wallet"], row["to_wallet"]) == ("spot", "margin")
        and row["happened_at"] >= NOW - WEEK
    ]
    answer = signed(simulator, TRANSFERS, {"type": "MAIN_MARGIN"}).result
    assert answer["total"] == len(week)
    assert [str(row["tranId"]) for row in answer.get("rows", [])] == week[::-1]
    assert signed(simulator, TRANSFERS, {"type": "CMFUTURE_FUNDING"}).json == {"total": 0}
    assert signed(simulator, TRANSFERS, {"type": "MAIN_MARGIN", "size": 101}).code == -1130


def test_a_transfer_has_one_id_in_every_history(simulator: Simulator) -> None:
    params = {"type": "MAIN_UMFUTURE", "startTime": NOW - 89 * DAY, "size": 100}
    moved = {row["tranId"] for row in signed(simulator, TRANSFERS, params).result["rows"]}
    income = {"incomeType": "TRANSFER", "startTime": NOW - 89 * DAY, "limit": 1000}
    booked = signed(simulator, "/fapi/v1/income", income).result
    assert moved == {row["tranId"] for row in booked if row["income"][0] != "-"}


# -- margin's ledger -----------------------------------------------------------------------------


def test_the_capital_flow_adds_up(simulator: Simulator, world: World) -> None:
    binance, start = world.on("binance"), NOW - 90 * DAY
    rows: list[dict[str, Any]] = []
    last = 0
    while page := signed(simulator, FLOW, {"fromId": last, "limit": 1000}).result:
        assert page[0]["id"] > last
        rows += page
        last = page[-1]["id"]
    ledger = binance.account.books.ledger["margin"]
    entries = [ledger.rows[index] for index in ledger.span(start, NOW)]
    assert [(row["type"], str(row["id"]), Decimal(row["amount"])) for row in rows] == [
        tuple(part) for entry in entries for part in names.parts(binance, entry)
    ]
    assert len(rows) > 1000
    for entry in entries:
        parts = names.parts(binance, entry)
        assert sum(part.amount for part in parts) == entry.amount
    newest = signed(simulator, FLOW).result
    assert newest == rows[-500:]
    fees = signed(simulator, FLOW, {"type": "TRADING_COMMISSION", "limit": 3}).result
    assert [fee["id"] for fee in fees] == [
        row["id"] for row in rows if row["type"] == "TRADING_COMMISSION"
    ][-3:]


def test_loans_and_their_interest(simulator: Simulator, world: World) -> None:
    ledger = world.on("binance").account.books.ledger["margin"]
    entries = [ledger.rows[index] for index in ledger.span(world.genesis, NOW)]
    for path, kind, params in (
        ("/sapi/v1/margin/borrow-repay", "borrow", {"type": "BORROW"}),
        ("/sapi/v1/margin/borrow-repay", "repay", {"type": "REPAY"}),
        ("/sapi/v1/margin/interestHistory", "interest", {}),
    ):
        times = []
        for start in range(world.genesis, NOW, 30 * DAY):
            window = {"startTime": start, "endTime": start + 30 * DAY - 1, "asset": "USDT"}
            answer = signed(simulator, path, params | window | {"size": 100}).result
            rows = answer["rows"][::-1]
            assert answer["total"] == len(rows)
            times += [row.get("timestamp") or row["interestAccuredTime"] for row in rows]
        assert times == [
            entry.happened_at for entry in entries if (entry.kind, entry.asset) == (kind, "USDT")
        ]
        assert times
        too_long = {"startTime": NOW - 30 * DAY - 1, "endTime": NOW, "asset": "USDT"}
        assert signed(simulator, path, params | too_long).code == -1127
