"""ccxt, imported like AlphaPulse does, reads the truth from OKX's protocol."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from decimal import Decimal
from typing import Any

import pytest
from ccxt.async_support.okx import okx as OkxClient

from exchange_simulator import (
    DEMO_KEY,
    DEMO_PASSPHRASE,
    DEMO_SECRET,
    Simulator,
    World,
    serve,
)
from exchange_simulator.markets import DAY
from exchange_simulator.state import system_clock

Rows = list[dict[str, Any]]
Truth = dict[str, Any]
Run = Callable[[Callable[[Any], Coroutine[Any, Any, Any]]], Any]


@pytest.fixture(scope="module")
def server(young_world: World) -> Iterator[Simulator]:
    with serve(young_world, limits=False) as simulator:
        yield simulator


@pytest.fixture
def okx(server: Simulator) -> Simulator:
    """With the clock frozen at the start of the test: requests are signed with the real time."""
    now = system_clock()
    server.set_clock(lambda: now)
    return server


@pytest.fixture
def facts(okx: Simulator) -> Truth:
    return okx.truth(exchange="okx")


@pytest.fixture(scope="module")
def markets(server: Simulator) -> dict[str, Any]:
    """Loaded once; every client gets a copy."""
    loaded: dict[str, Any] = asyncio.run(_with_client(server, lambda client: client.load_markets()))
    return loaded


@pytest.fixture
def run(okx: Simulator, markets: dict[str, Any]) -> Run:
    def with_markets(ask: Callable[[Any], Coroutine[Any, Any, Any]]) -> Any:
        async def asked(client: Any) -> Any:
            client.set_markets(list(markets.values()))
            return await ask(client)

        return asyncio.run(_with_client(okx, asked))

    return with_markets


async def _with_client(simulator: Simulator, ask: Callable[[Any], Coroutine[Any, Any, Any]]) -> Any:
    client = OkxClient(
        {
            "apiKey": DEMO_KEY,
            "secret": DEMO_SECRET,
            "password": DEMO_PASSPHRASE,
            "enableRateLimit": False,
        }
    )
    client.urls["api"]["rest"] = simulator.url
    client.number = str
    try:
        return await ask(client)
    finally:
        await client.close()


async def pages(ask: Callable[..., Any], by: str, **params: Any) -> Rows:
    """ccxt sorts a page by time, so the next page starts after the oldest row of this one."""
    found: Rows = []
    after: dict[str, str] = {}
    while page := await ask(params=params | after):
        oldest = min((row["info"][by] for row in page), key=int)
        assert {"after": oldest} != after, "no progress"
        found += page
        after = {"after": oldest}
    return found


def test_markets(markets: dict[str, Any], facts: Truth) -> None:
    assert set(markets) == {row["market"] for row in facts["prices"]}
    sizes = {row["market"]: row["contract_size"] for row in facts["positions"]}
    assert sizes
    for name, size in sizes.items():
        assert Decimal(markets[name]["contractSize"]) == Decimal(size)
    assert (markets["BTC/USD:BTC"]["inverse"], markets["BTC/USDT:USDT"]["linear"]) == (True, True)


def test_prices(run: Run, facts: Truth) -> None:
    prices = {row["market"]: (row["last"], row["bid"], row["ask"]) for row in facts["prices"]}
    seen: Truth = run(lambda client: client.fetch_tickers(params={"type": "spot"}))
    seen |= run(lambda client: client.fetch_tickers(params={"type": "swap"}))
    assert {
        name: (ticker["last"], ticker["bid"], ticker["ask"]) for name, ticker in seen.items()
    } == prices


def test_balances(run: Run, facts: Truth) -> None:
    held = {(row["wallet"], row["asset"]): row for row in facts["balances"] if row["total"] != "0"}
    trading = run(lambda client: client.fetch_balance())
    funding = run(lambda client: client.fetch_balance({"type": "funding"}))
    assert {("trading", asset) for asset in trading["total"]} | {
        ("funding", asset) for asset in funding["total"]
    } == set(held)
    for asset, total in funding["total"].items():
        assert total == held["funding", asset]["total"]
    # ccxt reports the equity, which includes open positions and debts
    details = {row["ccy"]: row for row in trading["info"]["data"][0]["details"]}
    for asset, total in trading["total"].items():
        worth = Decimal(held["trading", asset]["total"]) + Decimal(details[asset]["upl"])
        assert Decimal(total) == worth - Decimal(held["trading", asset]["debt"])


def test_positions(run: Run, facts: Truth) -> None:
    found = run(lambda client: client.fetch_positions())
    names = ("entryPrice", "markPrice", "unrealizedPnl", "contracts", "side", "marginMode")
    assert {(p["symbol"], *(p[name] for name in names)) for p in found} == {
        (
            p["market"],
            p["entry_price"],
            p["mark_price"],
            p["unrealized_pnl"],
            p["contracts"],
            p["side"],
            p["margin_mode"],
        )
        for p in facts["positions"]
    }


@pytest.mark.parametrize("kind", ["spot", "swap"])
def test_trades(run: Run, facts: Truth, kind: str) -> None:
    found = run(lambda client: pages(client.fetch_my_trades, "billId", type=kind))
    names = ("market", "trade_id", "order_id", "price", "amount", "side", "executed_at")
    assert len(found) > 500
    assert sorted(
        (
            t["symbol"],
            t["info"]["billId"],
            t["order"],
            t["price"],
            t["amount"],
            t["side"],
            t["timestamp"],
            t["takerOrMaker"],
            Decimal(t["fee"]["cost"]),
            t["fee"]["currency"],
        )
        for t in found
    ) == sorted(
        (
            *(t[name] for name in names),
            t["taker_or_maker"],
            Decimal(t["fee_cost"]),
            t["fee_currency"],
        )
        for t in facts["trades"]
        if (":" in t["market"]) == (kind == "swap")
    )


def test_trades_since_a_time_are_the_newest(run: Run, facts: Truth, okx: Simulator) -> None:
    since = okx.now() - 10 * DAY
    found = run(lambda client: client.fetch_my_trades(since=since, params={"type": "spot"}))
    newest = [t for t in facts["trades"] if ":" not in t["market"] and t["executed_at"] >= since]
    newest.sort(key=lambda t: int(t["trade_id"]))
    assert len(newest) > 200
    assert [t["info"]["billId"] for t in found] == [t["trade_id"] for t in newest[-100:]]


@pytest.mark.parametrize("kind", ["spot", "swap"])
def test_orders(run: Run, facts: Truth, kind: str) -> None:
    archive = {"type": kind, "method": "privateGetTradeOrdersHistoryArchive"}
    found = run(lambda client: pages(client.fetch_closed_orders, "ordId", **archive))
    # fetch_canceled_orders always requests the last seven days
    archive |= {"state": "canceled"}
    found += run(lambda client: pages(client.fetch_closed_orders, "ordId", **archive))
    # only there are those without a fill
    recent = archive | {"method": "privateGetTradeOrdersHistory"}
    found += run(lambda client: pages(client.fetch_closed_orders, "ordId", **recent))
    found += run(lambda client: pages(client.fetch_open_orders, "ordId", instType=kind.upper()))
    names = ("id", "clientOrderId", "symbol", "status", "side", "filled", "amount", "timestamp")
    assert {(*(o[name] for name in names), o["type"], o["price"]) for o in found} == {
        (
            o["order_id"],
            o["client_order_id"] or None,
            o["market"],
            o["status"].replace("rejected", "canceled"),
            o["side"],
            o["filled"],
            o["amount"],
            o["created_at"],
            o["type"],
            # ccxt reports the average price for market orders
            o["price"] or o["average"],
        )
        for o in facts["orders"]
        if (":" in o["market"]) == (kind == "swap")
    }


def test_deposits_and_withdrawals(run: Run, facts: Truth) -> None:
    moved = {
        "deposit": run(lambda client: client.fetch_deposits()),
        "withdrawal": run(lambda client: client.fetch_withdrawals()),
    }
    for kind, found in moved.items():
        names = ("id", "currency", "amount", "txid", "status", "timestamp")
        assert [(*(t[name] for name in names), Decimal(t["fee"]["cost"])) for t in found] == [
            (
                t["transfer_id"],
                t["asset"],
                t["amount"],
                t["txid"],
                t["status"],
                t["happened_at"],
                Decimal(t["fee_cost"]),
            )
            for t in facts["transfers"]
            if t["kind"] == kind
        ]
        assert {t["network"] for t in found} <= {"TRC20", "ERC20", "BTC", "SOL", "XRP"}


def test_deposits_since_a_time(run: Run, facts: Truth) -> None:
    deposits = [t for t in facts["transfers"] if t["kind"] == "deposit"]
    since, until = deposits[2]["happened_at"], deposits[4]["happened_at"]
    found = run(lambda client: client.fetch_deposits(since=since, params={"until": until + 1}))
    assert [t["id"] for t in found] == [t["transfer_id"] for t in deposits[2:5]]


def test_transfers(run: Run, facts: Truth) -> None:
    found = run(lambda client: client.fetch_transfers())
    names = ("currency", "amount", "fromAccount", "toAccount", "timestamp")
    expected = ("asset", "amount", "from_wallet", "to_wallet", "happened_at")
    assert [tuple(t[name] for name in names) for t in found] == [
        tuple(t[name] for name in expected) for t in facts["transfers"] if t["kind"] == "transfer"
    ]


def test_funding(run: Run, facts: Truth) -> None:
    found = run(lambda client: pages(client.fetch_funding_history, "billId"))
    names = ("id", "symbol", "code", "amount", "timestamp")
    expected = ("funding_id", "market", "asset", "amount", "happened_at")
    assert len(found) > 100
    assert sorted(tuple(f[name] for name in names) for f in found) == sorted(
        tuple(f[name] for name in expected) for f in facts["funding"]
    )


def test_the_ledger(run: Run, facts: Truth) -> None:
    async def bills(client: Any) -> Rows:
        found: Rows = []
        while page := (
            await client.private_get_account_bills_archive(
                {"after": found[-1]["billId"]} if found else {}
            )
        )["data"]:
            found += page
        return found

    ledger = [entry for entry in facts["ledger"] if entry["wallet"] == "trading"]
    assert [row["billId"] for row in run(bills)] == [e["entry_id"] for e in ledger][::-1]
    # ccxt's ledger has the bills of one instrument type, which excludes transfers
    parsed = run(lambda client: client.fetch_ledger())
    assert len(parsed) == 100
    assert {row["type"] for row in parsed} == {"trade"}
    amounts = {entry["entry_id"]: entry["amount"] for entry in ledger}
    assert all(row["amount"] == amounts[row["id"]] for row in parsed)
