"""How an unmodified ccxt client reacts to faults."""

import re
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

import pytest
from ccxt.base import errors

from exchange_simulator import (
    DEMO_KEY,
    DEMO_PASSPHRASE,
    DEMO_SECRET,
    Simulator,
    World,
    serve,
)
from exchange_simulator_tests.faults.clients import NAMES

Exchange = Any


@pytest.fixture(scope="module")
def server(young_world: World) -> Iterator[Simulator]:
    with serve(young_world, limits=False) as simulator:
        yield simulator


@pytest.fixture
def simulator(server: Simulator) -> Iterator[Simulator]:
    yield server
    server.set_faults()


@pytest.fixture(scope="module")
def clients(server: Simulator) -> dict[str, Exchange]:
    """ccxt clients with loaded markets; the server's clock is real."""
    made = {}
    for name in NAMES:
        exchange = getattr(import_module(f"ccxt.{name}"), name)(
            {
                "apiKey": DEMO_KEY,
                "secret": DEMO_SECRET,
                "password": DEMO_PASSPHRASE,
                "enableRateLimit": False,
                "timeout": 60_000,
                "options": {"fetchMarkets": {"types": ["spot"]}, "maxRetriesOnFailure": 0},
            }
        )
        exchange.urls["api"] = {
            place: server.url + re.sub(r"https://[^/]*", "", url)
            for place, url in exchange.urls["api"].items()
            if isinstance(url, str)
        }
        made[name] = exchange
        exchange.load_markets()
    return made


ASKING: dict[str, Callable[[Exchange], Any]] = {
    "bybit": lambda exchange: exchange.privateGetV5AccountInfo(),
    "binance": lambda exchange: exchange.privateGetAccount(),
    "okx": lambda exchange: exchange.privateGetAccountConfig(),
    "kraken": lambda exchange: exchange.privatePostBalanceEx(),
}
SEEN = {
    ("throttled", "bybit"): errors.RateLimitExceeded,
    ("throttled", "binance"): errors.DDoSProtection,
    ("throttled", "okx"): errors.RateLimitExceeded,
    ("throttled", "kraken"): errors.DDoSProtection,
    ("banned=9", "bybit"): errors.RateLimitExceeded,
    ("banned=9", "binance"): errors.DDoSProtection,
    ("banned=9", "okx"): errors.ExchangeNotAvailable,
    ("banned=9", "kraken"): errors.DDoSProtection,
    ("maintenance", "bybit"): errors.ExchangeNotAvailable,
    ("maintenance", "okx"): errors.OnMaintenance,
    ("maintenance", "kraken"): errors.ExchangeNotAvailable,
    ("busy", "binance"): errors.ExchangeError,
    ("busy", "okx"): errors.ExchangeNotAvailable,
    ("busy", "kraken"): errors.ExchangeNotAvailable,
    ("hang", "bybit"): errors.RequestTimeout,
    ("hang=body", "okx"): errors.NetworkError,
    ("reset", "kraken"): errors.NetworkError,
    ("reset=body", "binance"): errors.NetworkError,
    ("key=expired", "bybit"): errors.AuthenticationError,
    ("key=account", "bybit"): errors.PermissionDenied,
    ("key=account", "okx"): errors.ExchangeError,
    ("key=account", "kraken"): errors.PermissionDenied,
    # ccxt's error for -2015 after the key has worked
    ("key=ip", "binance"): errors.DDoSProtection,
}


@pytest.mark.parametrize(("fault", "exchange"), SEEN)
def test_ccxt_sees_what_it_should(
    simulator: Simulator,
    clients: dict[str, Exchange],
    monkeypatch: pytest.MonkeyPatch,
    fault: str,
    exchange: str,
) -> None:
    client = clients[exchange]
    simulator.set_faults(f"{fault}@2")
    ASKING[exchange](client)
    with monkeypatch.context() as patched:
        if fault.startswith("hang"):
            patched.setattr(client, "timeout", 1000)
        with pytest.raises(SEEN[fault, exchange]):
            ASKING[exchange](client)
    ASKING[exchange](client)
    assert simulator.faults()[0]["fired"] == 1


EMPTY: dict[str, tuple[str, Callable[[Exchange], Any]]] = {
    "bybit": ("/v5/execution", lambda exchange: exchange.fetch_my_trades("BTC/USDT")),
    "binance": ("/api/v3/myTrades", lambda exchange: exchange.fetch_my_trades("BTC/USDT")),
    "okx": ("/api/v5/trade/fills", lambda exchange: exchange.fetch_my_trades("BTC/USDT")),
    "kraken": ("/0/private/TradesHistory", lambda exchange: exchange.fetch_my_trades("BTC/USDT")),
}


@pytest.mark.parametrize("exchange", EMPTY)
def test_ccxt_accepts_an_empty_answer(
    simulator: Simulator, clients: dict[str, Exchange], exchange: str
) -> None:
    path, trades = EMPTY[exchange]
    simulator.set_faults(f"empty:{path}@2")
    facts = [trades(clients[exchange]) for _ in range(3)]
    assert facts[0] == facts[2] != []
    assert facts[1] == []


@pytest.mark.parametrize("exchange", EMPTY)
def test_ccxt_accepts_empty_holdings(
    simulator: Simulator, clients: dict[str, Exchange], exchange: str
) -> None:
    client = clients[exchange]
    assert len(client.fetch_balance()["total"]) > 0
    simulator.set_faults(
        "empty:/v5/account", "empty:/api/v3/account", "empty:/api/v5/account/balance"
    )
    if exchange == "kraken":
        simulator.set_faults("empty:/0/private")
    assert client.fetch_balance()["total"] == {}


def test_ccxt_reads_a_missing_fee_as_none(
    simulator: Simulator, clients: dict[str, Exchange]
) -> None:
    simulator.set_faults("missing=execFee:/v5/execution/list@2")
    fees = [clients["bybit"].fetch_my_trades("BTC/USDT")[-1]["fee"] for _ in range(2)]
    assert fees[0] != fees[1]
