"""OKX's own client, python-okx, reads the truth from the simulator."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from okx.Account import AccountAPI
from okx.Funding import FundingAPI
from okx.MarketData import MarketAPI
from okx.PublicData import PublicAPI
from okx.Trade import TradeAPI

from exchange_simulator import (
    DEMO_KEY,
    DEMO_PASSPHRASE,
    DEMO_SECRET,
    Simulator,
    World,
    serve,
)
from exchange_simulator.money import plain
from exchange_simulator.state import system_clock

pytestmark = pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning")

Ask = Callable[..., dict[str, Any]]


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
def facts(okx: Simulator) -> dict[str, Any]:
    return okx.truth(exchange="okx")


def client(api: Any, simulator: Simulator) -> Any:
    return api(DEMO_KEY, DEMO_SECRET, DEMO_PASSPHRASE, flag="0", domain=simulator.url)


def data(answer: dict[str, Any]) -> list[dict[str, Any]]:
    assert (answer["code"], answer["msg"]) == ("0", "")
    found: list[dict[str, Any]] = answer["data"]
    return found


def pages(ask: Ask, by: str, **params: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while True:
        page = data(ask(**params, after=found[-1][by] if found else ""))
        if not page:
            return found
        assert not found or page[0] != found[-1], "no progress"
        found += page


def market_of(row: dict[str, Any]) -> str:
    base, quote, *swap = row["instId"].split("-")
    settle = base if quote == "USD" else quote
    return f"{base}/{quote}" + (f":{settle}" if swap else "")


def test_balances(okx: Simulator, facts: dict[str, Any]) -> None:
    trading = data(client(AccountAPI, okx).get_account_balance())[0]["details"]
    assert {
        (
            "trading",
            row["ccy"],
            row["availBal"],
            plain(Decimal(row["frozenBal"]) - Decimal(row["upl"])),
            row["cashBal"],
            row["liab"],
        )
        for row in trading
    } | {
        ("funding", row["ccy"], row["availBal"], row["frozenBal"], row["bal"], "0")
        for row in data(client(FundingAPI, okx).get_balances())
    } == {
        tuple(row[name] for name in ("wallet", "asset", "free", "used", "total", "debt"))
        for row in facts["balances"]
        if row["total"] != "0"
    }
    positions = data(client(AccountAPI, okx).get_positions())
    for row in trading:
        profits = (Decimal(p["upl"]) for p in positions if p["ccy"] == row["ccy"])
        worth = Decimal(row["cashBal"]) + sum(profits)
        assert Decimal(row["eq"]) == worth


def test_positions(okx: Simulator, facts: dict[str, Any]) -> None:
    positions = data(client(AccountAPI, okx).get_positions())
    assert len(positions) > 3
    assert {
        (
            market_of(row),
            "short" if row["pos"].startswith("-") else "long",
            row["pos"].removeprefix("-"),
            row["avgPx"],
            row["markPx"],
            row["upl"],
            row["lever"],
            row["liqPx"],
        )
        for row in positions
    } == {
        tuple(
            row[name]
            for name in (
                "market",
                "side",
                "contracts",
                "entry_price",
                "mark_price",
                "unrealized_pnl",
                "leverage",
                "liquidation_price",
            )
        )
        for row in facts["positions"]
    }
    opened = [int(row["cTime"]) for row in positions]
    assert opened == sorted(opened, reverse=True)
    named = data(client(AccountAPI, okx).get_positions(instId=positions[0]["instId"]))
    assert named == positions[:1]


def test_every_fill(okx: Simulator, facts: dict[str, Any]) -> None:
    trade = client(TradeAPI, okx)
    fills = [
        row
        for kind in ("SPOT", "SWAP", "MARGIN", "FUTURES", "OPTION")
        for row in pages(trade.get_fills_history, "billId", instType=kind)
    ]
    names = (
        "market",
        "trade_id",
        "side",
        "order_id",
        "executed_at",
        "price",
        "amount",
        "fee_cost",
        "fee_currency",
        "taker_or_maker",
    )
    assert len(fills) > 1000
    makers = {"T": "taker", "M": "maker"}
    assert {
        (
            market_of(row),
            row["billId"],
            row["side"],
            row["ordId"],
            int(row["fillTime"]),
            row["fillPx"],
            row["fillSz"],
            -Decimal(row["fee"]),
            row["feeCcy"],
            makers[row["execType"]],
        )
        for row in fills
    } == {
        tuple(Decimal(t[name]) if name == "fee_cost" else t[name] for name in names)
        for t in facts["trades"]
    }
    assert len({row["billId"] for row in fills}) == len(fills)
    rebates = [row for row in fills if Decimal(row["fee"]) > 0]
    assert {(row["instId"], row["execType"]) for row in rebates} == {("BTC-USDC", "M")}


def test_every_order(okx: Simulator, facts: dict[str, Any]) -> None:
    trade = client(TradeAPI, okx)
    found = pages(trade.get_order_list, "ordId")
    for kind in ("SPOT", "SWAP"):
        found += pages(trade.get_orders_history_archive, "ordId", instType=kind)
        found += [
            row
            for row in pages(trade.get_orders_history, "ordId", instType=kind, state="canceled")
            if row["accFillSz"] == "0"
        ]
    statuses = {
        "live": "open",
        "partially_filled": "open",
        "filled": "closed",
        "canceled": "canceled",
    }
    names = ("order_id", "client_order_id", "side", "amount", "filled", "created_at", "updated_at")
    assert {
        (
            market_of(row),
            statuses[row["state"]],
            "market" if row["ordType"] == "market" else "limit",
            row["px"] or None,
            row["avgPx"] or None,
            row["ordId"],
            row["clOrdId"],
            row["side"],
            row["sz"],
            row["accFillSz"],
            int(row["cTime"]),
            int(row["uTime"]),
        )
        for row in found
    } == {
        (
            order["market"],
            # OKX accepts a post-only order and then cancels it
            order["status"].replace("rejected", "canceled"),
            *(order[name] for name in ("type", "price", "average")),
            *(order[name] for name in names),
        )
        for order in facts["orders"]
    }


def test_fees_of_orders_are_those_of_their_fills(okx: Simulator) -> None:
    trade = client(TradeAPI, okx)
    recent = pages(trade.get_fills, "billId", instType="SPOT")
    whole = {row["ordId"] for row in recent} - {recent[-1]["ordId"]}
    orders = pages(trade.get_orders_history, "ordId", instType="SPOT")
    checked = [row for row in orders if row["ordId"] in whole]
    assert len(checked) > 20
    for order in checked:
        fees = [Decimal(row["fee"]) for row in recent if row["ordId"] == order["ordId"]]
        assert Decimal(order["fee"]) + Decimal(order["rebate"]) == sum(fees)


def test_the_bills_are_the_ledger(okx: Simulator, facts: dict[str, Any]) -> None:
    account, funding = client(AccountAPI, okx), client(FundingAPI, okx)
    trading = pages(account.get_account_bills_archive, "billId")
    assert pages(account.get_account_bills, "billId") == [
        row for row in trading if int(row["ts"]) >= okx.now() - 7 * 86_400_000
    ]
    wallets = {"trading": trading, "funding": pages(funding.get_bills, "ts")}
    names = ("wallet", "raw_kind", "entry_id", "asset", "amount", "balance_after", "happened_at")
    assert {
        (w, r["type"], r["billId"], r["ccy"], r["balChg"], r["bal"], int(r["ts"]))
        for w, found in wallets.items()
        for r in found
    } == {tuple(entry[name] for name in names) for entry in facts["ledger"]}


def test_deposits_withdrawals_and_transfers(okx: Simulator, facts: dict[str, Any]) -> None:
    funding = client(FundingAPI, okx)
    found = {
        "deposit": [row["depId"] for row in pages(funding.get_deposit_history, "ts")],
        "withdrawal": [row["wdId"] for row in pages(funding.get_withdrawal_history, "ts")],
        "transfer": [
            row["billId"] for row in pages(funding.get_bills, "ts") if row["type"] in ("130", "131")
        ],
    }
    for kind, ids in found.items():
        assert ids[::-1] == [
            row["transfer_id"] for row in facts["transfers"] if row["kind"] == kind
        ]


def test_public_data(okx: Simulator, facts: dict[str, Any]) -> None:
    market, public = client(MarketAPI, okx), client(PublicAPI, okx)
    prices = {row["market"]: (row["last"], row["bid"], row["ask"]) for row in facts["prices"]}
    assert {
        market_of(row): (row["last"], row["bidPx"], row["askPx"])
        for kind in ("SPOT", "SWAP")
        for row in data(market.get_tickers(kind))
    } == prices
    listed = [row for kind in ("SPOT", "SWAP") for row in data(public.get_instruments(kind))]
    assert {market_of(row) for row in listed} == set(prices)
    assert data(public.get_system_time()) == [{"ts": str(okx.now())}]


def test_the_account(okx: Simulator) -> None:
    about = data(client(AccountAPI, okx).get_account_config())[0]
    assert (about["perm"], about["acctLv"], about["posMode"]) == ("read_only", "3", "net_mode")
