"""Unmodified clients read the truth from the simulator: python-kraken-sdk and ccxt."""

import asyncio
import warnings
from collections.abc import Callable, Coroutine, Iterator
from decimal import Decimal
from typing import Any

import pytest
from ccxt.async_support.kraken import kraken
from kraken.exceptions import KrakenInvalidAPIKeyError
from kraken.spot import Funding, Market, User

from exchange_simulator import DEMO_KEY, DEMO_SECRET, Key, Simulator, serve
from exchange_simulator.markets import DAY
from exchange_simulator_tests.kraken_client import NOW, ninety_days

# the two clients count their nonces in different units, so each needs its own key
CCXT_KEY = "key-of-ccxt"


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    keys = [Key(), Key(key=CCXT_KEY)]
    with serve(ninety_days(), clock=lambda: NOW, limits=False, keys=keys) as running:
        yield running


@pytest.fixture(scope="module")
def facts(simulator: Simulator) -> dict[str, Any]:
    return simulator.truth(exchange="kraken")


# -- python-kraken-sdk -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def user(simulator: Simulator) -> User:
    return User(key=DEMO_KEY, secret=DEMO_SECRET, url=simulator.url)


def pages(ask: Callable[..., dict[str, Any]], rows: str, **params: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    while True:
        page = ask(ofs=len(found), **params)
        found |= page[rows]
        if len(found) >= page["count"]:
            return found
        assert page[rows], f"{page['count'] - len(found)} rows are missing from all pages"


def test_the_sdk_reads_balances(user: User, facts: dict[str, Any]) -> None:
    held = {row["asset"]: row["total"] for row in facts["balances"]}
    found = user.get_account_balance()
    assert Decimal(found["XXBT"]) == Decimal(held["BTC"])
    assert Decimal(found["USDT"]) == Decimal(held["USDT"])
    free = user.get_balance(currency="SOL")["available_balance"]
    assert free == pytest.approx(
        float(next(row["free"] for row in facts["balances"] if row["asset"] == "SOL"))
    )


def test_the_sdk_reads_every_trade(user: User, facts: dict[str, Any]) -> None:
    found = pages(user.get_trades_history, "trades", consolidate_taker=False)
    assert {
        (name, row["ordertxid"], row["type"], int(row["time"] * 1000), Decimal(row["vol"]))
        for name, row in found.items()
    } == {
        (t["trade_id"], t["order_id"], t["side"], t["executed_at"], Decimal(t["amount"]))
        for t in facts["trades"]
    }
    some = list(found)[:20]
    assert user.get_trades_info(txid=some) == {name: found[name] for name in some}


def test_the_sdk_reads_the_ledger(user: User, facts: dict[str, Any]) -> None:
    window = {"start": (NOW - 9 * DAY) // 1000, "end": (NOW - DAY) // 1000}
    found = pages(user.get_ledgers_info, "ledger", **window)
    assert {
        (name, int(row["time"] * 1000), Decimal(row["balance"]), row["refid"])
        for name, row in found.items()
    } == {
        (e["entry_id"], e["happened_at"], Decimal(e["balance_after"]), e["reference_id"])
        for e in facts["ledger"]
        if window["start"] * 1000 < e["happened_at"] <= window["end"] * 1000
    }


def test_the_sdk_reads_orders_and_deposits(
    user: User, simulator: Simulator, facts: dict[str, Any]
) -> None:
    resting = user.get_open_orders()["open"]
    assert resting.keys() == {o["order_id"] for o in facts["orders"] if o["status"] == "open"}
    funding = Funding(key=DEMO_KEY, secret=DEMO_SECRET, url=simulator.url)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        first = funding.get_recent_deposits_status(cursor=True)
        assert isinstance(first, dict)
        methods = funding.get_deposit_methods(asset="XBT")
    deposits = [row["transfer_id"] for row in facts["transfers"] if row["kind"] == "deposit"]
    assert [row["refid"] for row in first["deposit"]] == deposits[::-1][:25]
    assert methods[0]["method"] == "Bitcoin"


def test_the_sdk_reads_the_market_and_knows_the_errors(simulator: Simulator) -> None:
    market = Market(url=simulator.url)
    assert market.get_asset_pairs(pair="XETHXXBT")["XETHXXBT"]["quote"] == "XXBT"
    assert market.get_system_status()["status"] == "online"
    stranger = User(key="stranger", secret=DEMO_SECRET, url=simulator.url)
    with pytest.raises(KrakenInvalidAPIKeyError):
        stranger.get_account_balance()


# -- ccxt ------------------------------------------------------------------------------------------


class Reader:
    """ccxt's asynchronous client with blocking methods."""

    def __init__(self, url: str) -> None:
        self._loop = asyncio.new_event_loop()
        settings = {"apiKey": CCXT_KEY, "secret": DEMO_SECRET, "enableRateLimit": False}
        self.client = self(self._made(kraken, settings))
        self.client.urls["api"] = dict.fromkeys(self.client.urls["api"], url)
        self.client.number = str
        self(self.client.load_markets())

    async def _made(self, kind: type[Any], settings: dict[str, Any]) -> Any:
        return kind(settings)

    def __call__(self, asked: Coroutine[Any, Any, Any]) -> Any:
        return self._loop.run_until_complete(asked)

    def close(self) -> None:
        self(self.client.close())
        self._loop.close()


@pytest.fixture(scope="module")
def ccxt(simulator: Simulator) -> Iterator[Reader]:
    reader = Reader(simulator.url)
    yield reader
    reader.close()


def test_ccxt_knows_the_markets_and_prices(ccxt: Reader, facts: dict[str, Any]) -> None:
    assert set(ccxt.client.markets) == {row["market"] for row in facts["prices"]}
    assert {"BTC", "ETH", "XRP", "USDT", "USD"} <= set(ccxt.client.currencies)
    assert ccxt.client.market("BTC/USDT")["id"] == "XBTUSDT"
    tickers = ccxt(ccxt.client.fetch_tickers())
    assert {
        (name, *(Decimal(ticker[side]) for side in ("last", "bid", "ask")))
        for name, ticker in tickers.items()
    } == {
        (row["market"], *(Decimal(row[side]) for side in ("last", "bid", "ask")))
        for row in facts["prices"]
    }
    assert ccxt(ccxt.client.fetch_time()) == NOW // 1000 * 1000


def test_ccxt_reads_balances(ccxt: Reader, facts: dict[str, Any]) -> None:
    balance = ccxt(ccxt.client.fetch_balance())
    for row in facts["balances"]:
        for name in ("free", "used", "total"):
            assert Decimal(balance[row["asset"]][name]) == Decimal(row[name])
    assert set(balance["total"]) == {row["asset"] for row in facts["balances"]}


def test_ccxt_reads_trades(ccxt: Reader, facts: dict[str, Any]) -> None:
    window = {"consolidate_taker": False, "end": (NOW - 2 * DAY) // 1000}
    since = NOW - 20 * DAY
    found: dict[str, Any] = {}
    while True:
        page = ccxt(ccxt.client.fetch_my_trades(since=since, params=window | {"ofs": len(found)}))
        found |= {trade["id"]: trade for trade in page}
        if not page:
            break
    wanted = [
        trade
        for trade in facts["trades"]
        if since // 1000 * 1000 < trade["executed_at"] <= window["end"] * 1000
    ]
    assert len(wanted) > 100
    exact = ("price", "amount", "cost")
    assert {
        (t["id"], t["order"], t["symbol"], t["timestamp"], t["side"], t["takerOrMaker"])
        for t in found.values()
    } == {
        (
            t["trade_id"],
            t["order_id"],
            t["market"],
            t["executed_at"],
            t["side"],
            t["taker_or_maker"],
        )
        for t in wanted
    }
    assert {
        (t["id"], *(Decimal(t[name]) for name in exact), Decimal(t["fee"]["cost"]))
        for t in found.values()
    } == {(t["trade_id"], *(Decimal(t[name]) for name in (*exact, "fee_cost"))) for t in wanted}
    assert {t["fee"]["currency"] for t in found.values()} == {t["fee_currency"] for t in wanted}


def test_ccxt_reads_orders(ccxt: Reader, facts: dict[str, Any]) -> None:
    by_id = {order["order_id"]: order for order in facts["orders"]}
    resting = ccxt(ccxt.client.fetch_open_orders())
    assert {order["id"] for order in resting} == {
        name for name, order in by_id.items() if order["status"] == "open"
    }
    ended = ccxt(ccxt.client.fetch_closed_orders())
    assert len(ended) == 50
    for order in (*resting, *ended):
        wanted = by_id[order["id"]]
        assert (order["symbol"], order["side"]) == (wanted["market"], wanted["side"])
        assert Decimal(order["filled"]) == Decimal(wanted["filled"])
        # without a client's id, ccxt has Kraken's user reference, which is 0
        assert (order["clientOrderId"] or "").removeprefix("0") == wanted["client_order_id"]
    one = ccxt(ccxt.client.fetch_order(ended[0]["id"]))
    assert one["id"] == ended[0]["id"]


def test_ccxt_reads_deposits_withdrawals_and_the_ledger(
    ccxt: Reader, facts: dict[str, Any]
) -> None:
    for kind, fetch in (
        ("deposit", ccxt.client.fetch_deposits),
        ("withdrawal", ccxt.client.fetch_withdrawals),
    ):
        found = ccxt(fetch())
        wanted = {row["transfer_id"]: row for row in facts["transfers"] if row["kind"] == kind}
        assert {row["id"] for row in found} <= wanted.keys()
        assert len(found) == (25 if kind == "deposit" else len(wanted))
        for row in found:
            assert Decimal(row["amount"]) == Decimal(wanted[row["id"]]["amount"])
            assert row["currency"] == wanted[row["id"]]["asset"]
    entries = ccxt(ccxt.client.fetch_ledger("BTC"))
    by_id = {entry["entry_id"]: entry for entry in facts["ledger"]}
    assert len(entries) == 50
    for entry in entries:
        wanted_entry = by_id[entry["id"]]
        assert Decimal(entry["after"]) == Decimal(wanted_entry["balance_after"])
        assert entry["referenceId"] == wanted_entry["reference_id"]
        assert entry["currency"] == "BTC"
    assert ccxt(ccxt.client.fetch_positions()) == []
