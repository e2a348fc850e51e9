"""An unmodified ccxt client reads the truth from the simulator."""

import asyncio
from collections.abc import Coroutine, Iterator
from decimal import Decimal
from typing import Any, TypeVar

import pytest
from ccxt.async_support.binance import binance

from exchange_simulator import DEMO_KEY, DEMO_SECRET, Simulator, World, serve
from exchange_simulator.binance import names
from exchange_simulator.markets import DAY, HOUR
from exchange_simulator.records import Wallet
from exchange_simulator.state import system_clock
from exchange_simulator_tests.binance_client import without_conditional
from exchange_simulator_tests.conftest import NOW

Found = TypeVar("Found")
Row = dict[str, Any]


class Client:
    """ccxt's async class with blocking methods."""

    def __init__(self, simulator: Simulator) -> None:
        self._loop = asyncio.new_event_loop()
        self.ccxt = binance(
            {
                "apiKey": DEMO_KEY,
                "secret": DEMO_SECRET,
                "enableRateLimit": False,
                "options": {
                    "recvWindow": 60_000,
                    "warnOnFetchOpenOrdersWithoutSymbol": False,
                },
            }
        )
        self.ccxt.number = str
        self.ccxt.urls["api"] = {
            name: simulator.url + "/" + url.split("/", 3)[3]
            for name, url in self.ccxt.urls["api"].items()
        }

    def turn_back(self) -> None:
        """Sign with timestamps that start half a minute before NOW, where the simulator's clock is
        frozen."""
        self.ccxt.options["timeDifference"] = system_clock() - NOW + 30_000

    def wait(self, answer: Coroutine[Any, Any, Found]) -> Found:
        return self._loop.run_until_complete(answer)

    def __getattr__(self, name: str) -> Any:
        return lambda *args, **kwargs: self.wait(getattr(self.ccxt, name)(*args, **kwargs))

    def close(self) -> None:
        self.wait(self.ccxt.close())
        self._loop.close()


@pytest.fixture(scope="module")
def simulator(world: World) -> Iterator[Simulator]:
    with serve(world, clock=lambda: NOW, limits=False) as running:
        yield running


@pytest.fixture(scope="module")
def facts(simulator: Simulator) -> Row:
    return without_conditional(simulator.truth(exchange="binance"))


@pytest.fixture(scope="module")
def loaded(simulator: Simulator) -> Iterator[Client]:
    found = Client(simulator)
    found.turn_back()
    found.load_markets()
    yield found
    found.close()


@pytest.fixture
def client(loaded: Client) -> Client:
    loaded.turn_back()
    return loaded


def test_markets(client: Client, facts: Row) -> None:
    assert set(client.ccxt.markets) == {row["market"] for row in facts["prices"]}
    inverse = client.ccxt.market("BTC/USD:BTC")
    assert (inverse["id"], inverse["inverse"]) == ("BTCUSD_PERP", True)
    assert Decimal(inverse["contractSize"]) == 100
    assert client.ccxt.market("BTC/USDT")["marginModes"] == {"cross": True, "isolated": False}
    assert {"BTC", "USDT", "FTM"} <= set(client.ccxt.currencies)


def test_prices(client: Client, facts: Row) -> None:
    expected = {row["market"]: row for row in facts["prices"]}
    found: Row = {}
    for params in ({}, {"type": "swap", "subType": "linear"}, {"subType": "inverse"}):
        found |= client.fetch_tickers(params=params)
    for name, ticker in found.items():
        # the daily statistics of futures have no bid and ask
        assert (ticker["bid"] is None) == (":" in name)
    for params in ({}, {"type": "swap", "subType": "linear"}, {"subType": "inverse"}):
        for name, ticker in client.fetch_bids_asks(params=params).items():
            found[name] |= {side: ticker[side] for side in ("bid", "ask")}
    assert set(found) == set(expected)
    for name, ticker in found.items():
        for side in ("last", "bid", "ask"):
            assert Decimal(ticker[side]) == Decimal(expected[name][side])


@pytest.mark.parametrize(
    ("wallet", "params"),
    [
        ("spot", {}),
        ("funding", {"type": "funding"}),
        ("margin", {"type": "margin"}),
        ("usdm", {"type": "swap", "subType": "linear"}),
        ("coinm", {"type": "swap", "subType": "inverse"}),
    ],
)
def test_balances(client: Client, facts: Row, wallet: str, params: Row) -> None:
    balance = client.fetch_balance(params)
    expected = {row["asset"]: row for row in facts["balances"] if row["wallet"] == wallet}
    futures = wallet in ("usdm", "coinm")
    assert {asset for asset, total in balance["total"].items() if Decimal(total)} == {
        asset for asset, row in expected.items() if row["total"] != "0"
    }
    for asset, row in expected.items():
        if row["total"] == "0":
            continue
        assert Decimal(balance[asset]["used"]) == Decimal(row["used"])
        # ccxt includes the unrealized profit in a futures wallet's balance
        profit = sum(
            Decimal(p["unrealized_pnl"])
            for p in facts["positions"]
            if futures and p["market"].endswith(f":{asset}")
        )
        assert Decimal(balance[asset]["total"]) == Decimal(row["total"]) + profit
        if wallet == "margin":
            assert Decimal(balance[asset]["debt"]) == Decimal(row["debt"])


def test_positions(client: Client, facts: Row) -> None:
    found = [
        position
        for sub_type in ("linear", "inverse")
        for position in client.fetch_positions(params={"subType": sub_type})
    ]
    names = ("contracts", "entryPrice", "contractSize")

    def side(position: Row) -> str:  # without `notionalValue`, ccxt does not know that of COIN-M
        return "short" if position["info"]["positionAmt"].startswith("-") else "long"

    assert {(p["symbol"], side(p), *(Decimal(p[n]) for n in names)) for p in found} == {
        (
            p["market"],
            p["side"],
            *(Decimal(p[n]) for n in ("contracts", "entry_price", "contract_size")),
        )
        for p in facts["positions"]
    }


@pytest.mark.parametrize(
    ("market", "wallet", "days", "params"),
    [
        ("BTC/USDT", "spot", 1, {}),
        ("BTC/USDT", "margin", 1, {"marginMode": "cross"}),
        ("ETH/USDT:USDT", "usdm", 7, {}),
        ("BTC/USD:BTC", "coinm", 7, {}),
    ],
)
def test_trades(
    client: Client, facts: Row, market: str, wallet: str, days: int, params: Row
) -> None:
    since = NOW - 31 * DAY
    found: list[Row] = []
    expected: list[Row] = []
    for start in range(since, since + 5 * days * DAY, days * DAY):
        until = {"until": start + days * DAY - 1}
        found += client.fetch_my_trades(market, start, 1000, params | until)
        expected += [
            t
            for t in facts["trades"]
            if (t["market"], t["wallet"]) == (market, wallet)
            and start <= t["executed_at"] <= until["until"]
        ]
    assert len(expected) > 5

    def seen(t: Row) -> tuple[Any, ...]:
        numbers = (Decimal(t[name]) for name in ("price", "amount", "cost"))
        fee = (Decimal(t["fee"]["cost"]), t["fee"]["currency"])
        return (t["id"], t["order"], t["side"], t["takerOrMaker"], *numbers, *fee, t["timestamp"])

    def meant(t: Row) -> tuple[Any, ...]:
        head = (t["trade_id"], t["order_id"], t["side"], t["taker_or_maker"])
        numbers = (Decimal(t[name]) for name in ("price", "amount", "cost", "fee_cost"))
        return (*head, *numbers, t["fee_currency"], t["executed_at"])

    assert sorted(map(seen, found)) == sorted(map(meant, expected))


@pytest.mark.parametrize(
    ("market", "wallet", "params"),
    [
        ("BTC/USDT", "spot", {}),
        ("BTC/USDT", "margin", {"marginMode": "cross"}),
        ("BTC/USDT:USDT", "usdm", {}),
        ("BTC/USD:BTC", "coinm", {}),
    ],
)
def test_orders(client: Client, facts: Row, market: str, wallet: str, params: Row) -> None:
    window = {"until": NOW - HOUR}
    found = client.fetch_orders(market, NOW - 25 * HOUR, 100, params | window)
    mine = [o for o in facts["orders"] if (o["market"], o["wallet"]) == (market, wallet)]
    expected = [o for o in mine if NOW - 25 * HOUR <= o["created_at"] <= NOW - HOUR]
    assert expected
    assert sorted(
        (o["id"], o["status"], o["side"], o["type"], Decimal(o["amount"]), Decimal(o["filled"]))
        for o in found
    ) == sorted(
        (
            *(o[name] for name in ("order_id", "status", "side", "type")),
            *(Decimal(o[name]) for name in ("amount", "filled")),
        )
        for o in expected
    )
    one = client.fetch_order(found[0]["id"], market, params)
    assert one["timestamp"] == found[0]["timestamp"]
    resting = client.fetch_open_orders(market, params=params)
    assert {o["id"] for o in resting} == {o["order_id"] for o in mine if o["status"] == "open"}


def test_deposits_withdrawals_and_transfers(client: Client, facts: Row) -> None:
    since = NOW - 85 * DAY
    for ask, kind in (("fetch_deposits", "deposit"), ("fetch_withdrawals", "withdrawal")):
        found = getattr(client, ask)(None, since)
        names = ("transfer_id", "asset", "status")
        assert {(t["id"], t["currency"], t["status"], Decimal(t["amount"])) for t in found} == {
            (*(t[name] for name in names), Decimal(t["amount"]))
            for t in facts["transfers"]
            if t["kind"] == kind and t["happened_at"] >= since
        }
        assert found
    for source, target, ends in (
        ("spot", "linear", ("spot", "usdm")),
        ("margin", "spot", ("margin", "spot")),
        ("inverse", "spot", ("coinm", "spot")),
    ):
        params = {"fromAccount": source, "toAccount": target}
        moved = client.fetch_transfers(None, since, 100, params)
        assert {t["id"] for t in moved} == {
            t["transfer_id"]
            for t in facts["transfers"]
            if (t["from_wallet"], t["to_wallet"]) == ends and t["happened_at"] >= since
        }
        assert {(t["fromAccount"], t["toAccount"]) for t in moved} <= {(source, target)}


@pytest.mark.parametrize(("sub_type", "wallet"), [("linear", "usdm"), ("inverse", "coinm")])
def test_funding_and_the_ledger(
    client: Client, world: World, facts: Row, sub_type: str, wallet: Wallet
) -> None:
    since, params = NOW - 20 * DAY, {"subType": sub_type, "until": NOW}
    payments = client.fetch_funding_history(None, since, 1000, params)
    assert [(p["id"], p["symbol"], p["code"], Decimal(p["amount"])) for p in payments] == [
        (f["funding_id"], f["market"], f["asset"], Decimal(f["amount"]))
        for f in facts["funding"]
        if f["wallet"] == wallet and f["happened_at"] >= since
    ]
    assert payments
    entries = client.fetch_ledger(None, since, 1000, params | {"type": "swap"})
    binance = world.on("binance")
    ledger = binance.account.books.ledger[wallet]
    parts = [
        (part.id, abs(part.amount))
        for index in ledger.span(since, NOW)
        for part in names.parts(binance, ledger.rows[index])
    ]
    assert sorted((e["id"], Decimal(e["amount"])) for e in entries) == sorted(parts[:1000])


def test_time(client: Client) -> None:
    for params in ({}, {"subType": "linear"}, {"subType": "inverse"}):
        assert client.fetch_time(params) == NOW
