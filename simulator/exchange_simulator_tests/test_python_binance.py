"""An unmodified python-binance client reads the truth from the simulator."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from binance.client import Client
from binance.exceptions import BinanceAPIException

from exchange_simulator import DEMO_KEY, DEMO_SECRET, Simulator, World, serve
from exchange_simulator.binance import names
from exchange_simulator.markets import DAY
from exchange_simulator.records import Wallet
from exchange_simulator.state import system_clock
from exchange_simulator_tests.conftest import NOW

SPOT = {"BTC/USDT": "BTCUSDT", "ETH/BTC": "ETHBTC", "FTM/USDT": "FTMUSDT"}
LINEAR = {"BTC/USDT:USDT": "BTCUSDT", "BTC/USDC:USDC": "BTCUSDC", "XRP/USDT:USDT": "XRPUSDT"}

Ask = Callable[..., Any]


@pytest.fixture(scope="module")
def simulator(world: World) -> Iterator[Simulator]:
    with serve(world, clock=lambda: NOW, limits=False) as running:
        yield running


@pytest.fixture(scope="module")
def facts(simulator: Simulator) -> dict[str, Any]:
    return simulator.truth(exchange="binance")


@pytest.fixture(scope="module")
def unset(simulator: Simulator) -> Client:
    found = Client(DEMO_KEY, DEMO_SECRET, ping=False)
    found.API_URL = f"{simulator.url}/api"
    found.MARGIN_API_URL = f"{simulator.url}/sapi"
    found.FUTURES_URL = f"{simulator.url}/fapi"
    found.FUTURES_COIN_URL = f"{simulator.url}/dapi"
    found.REQUEST_RECVWINDOW = 60_000
    found.ping()
    return found


@pytest.fixture
def client(unset: Client) -> Client:
    """Signs with timestamps that start half a minute before NOW, where the simulator's clock is
    frozen."""
    unset.timestamp_offset = NOW - system_clock() - 30_000
    return unset


def by_id(ask: Ask, parameter: str, field: str, **params: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    first = 0
    while page := ask(**params, **{parameter: first}):
        assert page[0][field] >= first, "no progress"
        rows += page
        first = page[-1][field] + 1
    return rows


def held(facts: dict[str, Any], wallet: str, column: str = "total") -> dict[str, Decimal]:
    rows = (row for row in facts["balances"] if row["wallet"] == wallet)
    return {row["asset"]: Decimal(row[column]) for row in rows if Decimal(row["total"])}


def test_balances(client: Client, facts: dict[str, Any]) -> None:
    spot = client.get_account()["balances"]
    sums = {row["asset"]: Decimal(row["free"]) + Decimal(row["locked"]) for row in spot}
    assert {asset: total for asset, total in sums.items() if total} == held(facts, "spot")
    margin = client.get_margin_account()["userAssets"]
    frees = {row["asset"]: Decimal(row["free"]) for row in margin}
    assert frees.items() >= held(facts, "margin", "free").items()
    funding = client.funding_wallet()
    assert {row["asset"]: Decimal(row["free"]) for row in funding} == held(facts, "funding")
    for ask, wallet in (
        (client.futures_account_balance, "usdm"),
        (client.futures_coin_account_balance, "coinm"),
    ):
        rows = {row["asset"]: Decimal(row["balance"]) for row in ask() if row["updateTime"]}
        assert rows == held(facts, wallet)


def test_positions(client: Client, facts: dict[str, Any]) -> None:
    rows = client.futures_position_information() + client.futures_coin_position_information()
    found = {
        row["symbol"]: (Decimal(row["positionAmt"]), Decimal(row["entryPrice"]))
        for row in rows
        if Decimal(row["positionAmt"])
    }
    signs = {"long": 1, "short": -1}
    expected = sorted(
        (signs[p["side"]] * Decimal(p["contracts"]), Decimal(p["entry_price"]))
        for p in facts["positions"]
    )
    assert sorted(found.values()) == expected


def fills(facts: dict[str, Any], market: str, wallet: str) -> set[tuple[Any, ...]]:
    return {
        (
            int(t["trade_id"]),
            int(t["order_id"]),
            t["executed_at"],
            Decimal(t["price"]),
            Decimal(t["amount"]),
            Decimal(t["fee_cost"]),
            t["fee_currency"],
            t["side"] == "buy",
            t["taker_or_maker"] == "maker",
        )
        for t in facts["trades"]
        if (t["market"], t["wallet"]) == (market, wallet)
    }


def read(row: dict[str, Any], buyer: str, maker: str) -> tuple[Any, ...]:
    numbers = (Decimal(row[name]) for name in ("price", "qty", "commission"))
    head = (row["id"], row["orderId"], row["time"], *numbers, row["commissionAsset"])
    return (*head, row[buyer], row[maker])


@pytest.mark.parametrize(("market", "symbol"), SPOT.items())
def test_every_spot_and_margin_fill(
    client: Client, facts: dict[str, Any], market: str, symbol: str
) -> None:
    for ask, wallet in ((client.get_my_trades, "spot"), (client.get_margin_trades, "margin")):
        rows = by_id(ask, "fromId", "id", symbol=symbol, limit=1000)
        expected = fills(facts, market, wallet)
        assert {read(row, "isBuyer", "isMaker") for row in rows} == expected
        assert len(rows) == len(expected)


def test_every_futures_fill(client: Client, facts: dict[str, Any]) -> None:
    asked: list[tuple[Ask, str, str, str]] = [
        (client.futures_account_trades, market, symbol, "usdm") for market, symbol in LINEAR.items()
    ]
    asked.append((client.futures_coin_account_trades, "BTC/USD:BTC", "BTCUSD_PERP", "coinm"))
    for ask, market, symbol, wallet in asked:
        rows = by_id(ask, "fromId", "id", symbol=symbol, limit=1000)
        expected = fills(facts, market, wallet)
        assert {read(row, "buyer", "maker") for row in rows} == expected
        assert len(rows) == len(expected) > 100


def test_orders(client: Client, facts: dict[str, Any]) -> None:
    for ask, market, symbol, wallet in (
        (client.get_all_orders, "ETH/USDT", "ETHUSDT", "spot"),
        (client.futures_get_all_orders, "ETH/USDT:USDT", "ETHUSDT", "usdm"),
    ):
        rows = by_id(ask, "orderId", "orderId", symbol=symbol, limit=1000)
        found = {
            (row["orderId"], row["time"], Decimal(row["origQty"]), row["side"].lower())
            for row in rows
        }
        expected = {
            (int(o["order_id"]), o["created_at"], Decimal(o["amount"]), o["side"])
            for o in facts["orders"]
            if (o["market"], o["wallet"]) == (market, wallet)
        }
        assert found == expected
        assert len(rows) == len(found) > 100
    resting = {str(row["orderId"]) for row in client.get_open_orders()}
    assert resting == {
        o["order_id"] for o in facts["orders"] if (o["wallet"], o["status"]) == ("spot", "open")
    }


def test_conditional_orders(client: Client, facts: dict[str, Any]) -> None:
    market, symbol = "BTC/USDT:USDT", "BTCUSDT"
    expected = {
        int(o["order_id"].removeprefix("algo-")): o
        for o in facts["orders"]
        if o["order_id"].startswith("algo-") and o["market"] == market
    }
    rows = by_id(client.futures_get_all_algo_orders, "algoId", "algoId", symbol=symbol)
    assert {row["algoId"] for row in rows} == set(expected)
    waiting = client.futures_get_open_algo_orders(symbol=symbol)
    still = {number for number, o in expected.items() if o["status"] == "open"}
    assert {row["algoId"] for row in waiting} == still
    triggered = next(number for number, o in expected.items() if o["status"] == "closed")
    one = client.futures_get_algo_order(algoId=triggered)
    assert one["algoStatus"] == "FINISHED"
    assert one["actualOrderId"] in {o["order_id"] for o in facts["orders"]}


def test_deposits_and_withdrawals(client: Client, facts: dict[str, Any]) -> None:
    for ask, kind in (
        (client.get_deposit_history, "deposit"),
        (client.get_withdraw_history, "withdrawal"),
    ):
        rows = [
            row
            for start in range(facts["genesis"], NOW, 90 * DAY)
            for row in ask(startTime=start, endTime=min(start + 90 * DAY - 1, NOW))
        ]
        assert {(row["id"], row["coin"], row["amount"]) for row in rows} == {
            (t["transfer_id"], t["asset"], t["amount"])
            for t in facts["transfers"]
            if t["kind"] == kind
        }
    moved = client.query_universal_transfer_history(
        type="MAIN_UMFUTURE", startTime=NOW - 170 * DAY, endTime=NOW, size=100
    )
    assert {str(row["tranId"]) for row in moved["rows"]} == {
        t["transfer_id"]
        for t in facts["transfers"]
        if (t["from_wallet"], t["to_wallet"]) == ("spot", "usdm")
        and t["happened_at"] >= NOW - 170 * DAY
    }


def test_income(client: Client, world: World) -> None:
    binance, start = world.on("binance"), NOW - 30 * DAY
    asked: tuple[tuple[Ask, Wallet], ...] = (
        (client.futures_income_history, "usdm"),
        (client.futures_coin_income_history, "coinm"),
    )
    for ask, wallet in asked:
        rows: list[dict[str, Any]] = []
        while page := ask(startTime=start, endTime=NOW, limit=1000, page=len(rows) // 1000 + 1):
            rows += page
            if len(page) < 1000:
                break
        ledger = binance.account.books.ledger[wallet]
        expected = [
            (part.kind, part.id, part.amount)
            for index in ledger.span(start, NOW)
            for part in names.parts(binance, ledger.rows[index])
        ]
        assert [
            (row["incomeType"], str(row["tranId"]), Decimal(row["income"])) for row in rows
        ] == expected
        assert expected


def test_an_error_is_understood(client: Client) -> None:
    with pytest.raises(BinanceAPIException) as refusal:
        client.get_my_trades(symbol="BTCUSDT", startTime=NOW - 2 * DAY, endTime=NOW)
    assert (refusal.value.code, refusal.value.status_code) == (-1127, 400)
