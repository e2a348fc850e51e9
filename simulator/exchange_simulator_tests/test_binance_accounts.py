"""Accounts that lack wallets: each answers what the real one answers."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from exchange_simulator import Simulator, World, serve
from exchange_simulator.binance.endpoints import ENDPOINTS
from exchange_simulator.layout import BINANCE_ACCOUNTS
from exchange_simulator.markets import DAY
from exchange_simulator_tests.binance_client import signed
from exchange_simulator_tests.conftest import NOW

WALLETS = {
    "margin": ("/sapi/v1/margin/account", -3003),
    "usdm": ("/fapi/v2/account", -2015),
    "coinm": ("/dapi/v1/account", -1109),
}
INFO = "/sapi/v1/account/info"


@contextmanager
def opened(account: str) -> Iterator[Simulator]:
    genesis = datetime.fromtimestamp(NOW // 1000, UTC) - timedelta(days=30)
    world = World(genesis=genesis, pace=0.5, layout=BINANCE_ACCOUNTS[account])
    with serve(world, clock=lambda: NOW, limits=False) as simulator:
        yield simulator


@pytest.mark.parametrize(
    ("account", "missing", "margin", "futures"),
    [
        ("spot only", {"margin", "usdm", "coinm"}, False, False),
        ("futures, no margin", {"margin"}, False, True),
        ("sub-account", set(), True, True),
        ("empty", {"margin", "usdm", "coinm"}, False, False),
    ],
)
def test_a_wallet_that_was_never_opened_is_refused(
    account: str, missing: set[str], margin: bool, futures: bool
) -> None:
    with opened(account) as simulator:
        info = signed(simulator, INFO).result
        assert (info["isMarginEnabled"], info["isFutureEnabled"]) == (margin, futures)
        assert info["isPortfolioMarginRetailEnabled"] is False
        for wallet, (path, code) in WALLETS.items():
            assert signed(simulator, path).code == (code if wallet in missing else 0)
        assert signed(simulator, "/api/v3/account").code == 0


def test_portfolio_margin_has_no_key_for_futures() -> None:
    with opened("portfolio margin") as simulator:
        info = signed(simulator, INFO).result
        assert info["isPortfolioMarginRetailEnabled"] is True
        assert signed(simulator, "/fapi/v2/account").code == -2015
        assert signed(simulator, "/dapi/v1/account").code == -2015


def test_every_endpoint_of_portfolio_margin_answers() -> None:
    paths = [path for path in ENDPOINTS if path.startswith("/papi/")]
    assert len(paths) > 15
    with opened("portfolio margin") as simulator:
        for path in paths:
            symbol = "BTCUSD_PERP" if "/cm/" in path else "BTCUSDT"
            params = {"symbol": symbol, "orderId": 1} if path.endswith("/order") else {}
            if path.endswith(("userTrades", "myTrades", "allOrders")):
                params = {"symbol": symbol}
            if path.endswith("Loan"):
                params = {"asset": "USDT"}
            assert signed(simulator, path, params).code in (0, -2013), path


def test_the_parts_of_portfolio_margin_add_up_to_the_wallet() -> None:
    """Futures have earned what they hold; their income of the last three months is listed."""
    earned: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
    with opened("portfolio margin") as simulator:
        rows = signed(simulator, "/papi/v1/balance").json
        for part in ("um", "cm"):
            params: dict[str, int] = {"startTime": NOW - 60 * DAY, "limit": 1000}
            while found := signed(simulator, f"/papi/v1/{part}/income", params).json:
                for row in found:
                    earned[part, row["asset"]] += Decimal(row["income"])
                params["page"] = params.get("page", 1) + 1
        truth = simulator.truth(exchange="binance")["balances"]
    wallet = {row["asset"]: row for row in truth if row["wallet"] == "portfolio margin"}
    assert {row["asset"] for row in rows} == set(wallet)
    assert earned["um", "USDT"]
    assert earned["cm", "BTC"]
    for row in rows:
        asset = row["asset"]
        parts = ("crossMarginFree", "crossMarginLocked", "umWalletBalance", "cmWalletBalance")
        total = Decimal(row["totalWalletBalance"])
        assert sum(Decimal(row[name]) for name in parts) == total
        assert total == Decimal(wallet[asset]["total"])
        assert Decimal(row["umWalletBalance"]) == earned["um", asset]
        assert Decimal(row["cmWalletBalance"]) == earned["cm", asset]
        assert Decimal(row["crossMarginBorrowed"]) == Decimal(wallet[asset]["debt"])


def test_an_empty_account_has_nothing() -> None:
    with opened("empty") as simulator:
        facts = simulator.truth(exchange="binance")
        assert signed(simulator, "/api/v3/account").result["balances"] == []
    for dataset in ("balances", "trades", "orders", "transfers", "funding", "ledger"):
        assert facts[dataset] == []


def test_what_a_parent_account_pays_is_only_in_the_ledger() -> None:
    with opened("sub-account") as simulator:
        facts = simulator.truth(exchange="binance")
        rows = signed(
            simulator, "/fapi/v1/income", {"startTime": 1, "incomeType": "TRANSFER", "limit": 1000}
        ).result
    own = {row["transfer_id"] for row in facts["transfers"]}
    paid = [row for row in rows if str(row["tranId"]) not in own]
    assert len(paid) > 1
    assert all(Decimal(row["income"]) > 0 for row in paid)


def test_held_extra_perpetuals_are_paid_in_one_millisecond() -> None:
    world = World(
        genesis=datetime.fromtimestamp(NOW // 1000, UTC) - timedelta(days=3),
        extra_markets=80,
        exchange="binance",
        holds_extra=True,
    )
    world.advance_to(NOW)
    paid: dict[int, int] = {}
    for funding in world.account.fundings.rows:
        paid[funding.happened_at] = paid.get(funding.happened_at, 0) + 1
    assert min(paid.values()) >= 40


def test_income_has_100_rows_unless_asked_and_at_most_1000(
    world: World, frozen_income: Callable[..., int]
) -> None:
    assert frozen_income() == 100
    assert frozen_income(limit=1000) == 1000
    assert frozen_income(limit=1001) == 0


@pytest.fixture(scope="module")
def frozen_income(world: World) -> Iterator[Callable[..., int]]:
    with serve(world, clock=lambda: NOW, limits=False) as simulator:

        def rows(**params: int) -> int:
            found = signed(simulator, "/fapi/v1/income", {"startTime": 1, **params})
            return len(found.json) if found.code == 0 else 0

        yield rows
