"""The servers of an exchange are known without sending a request."""

import socket
from typing import Any

import pytest

from alphapulse_pipeline.exchange.ccxt_client import ClientConfig
from alphapulse_pipeline.exchange.client import open_client
from alphapulse_pipeline.exchange.endpoints import endpoints
from alphapulse_pipeline.exchange.venues import venue_of
from alphapulse_pipeline.settings.environment import AccountEnvironment
from alphapulse_pipeline.settings.errors import SettingsError

BINANCE = [f"https://{name}.binance.com" for name in ("api", "fapi", "dapi", "eapi", "papi")]


def found(exchange: str, **more: Any) -> list[str]:
    venue = venue_of(exchange)
    connection = ClientConfig(
        AccountEnvironment("main"), exchange, "key", "c2VjcmV0", "pass", **more
    )
    with open_client(connection) as client:
        return endpoints(client, connection, venue)


@pytest.mark.parametrize(
    ("exchange", "servers"),
    [
        ("bybit", ["https://api.bybit.com"]),
        ("binance", BINANCE),
        ("okx", ["https://www.okx.com"]),
        ("kraken", ["https://api.kraken.com"]),
        ("deribit", ["https://www.deribit.com"]),
    ],
)
def test_every_server_is_listed_without_a_request(
    exchange: str, servers: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a connection was made")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert found(exchange) == servers


def test_a_configured_server_is_the_only_one() -> None:
    assert found("binance", api_url="http://127.0.0.1:8900/") == ["http://127.0.0.1:8900"]


@pytest.mark.parametrize(
    ("exchange", "server", "servers"),
    [
        ("bybit", "testnet", ["https://api-testnet.bybit.com"]),
        ("bybit", "demo", ["https://api-demo.bybit.com"]),
        ("okx", "demo", ["https://www.okx.com"]),
    ],
)
def test_a_testnet_and_demo_trading_are_different_servers(
    exchange: str, server: str, servers: list[str]
) -> None:
    assert found(exchange, server=server) == servers


def test_demo_trading_that_the_exchange_does_not_have() -> None:
    with pytest.raises(SettingsError, match="kraken has no demo trading; remove MAIN_TESTNET"):
        found("kraken", server="demo")
