"""The servers of an exchange are known without sending a request."""

import socket
from typing import Any

import pytest

from alphapulse_pipeline.exchange.ccxt_client import ClientConfig
from alphapulse_pipeline.exchange.client import open_client
from alphapulse_pipeline.exchange.endpoints import endpoints
from alphapulse_pipeline.exchange.venues import venue_of
from alphapulse_pipeline.settings.environment import AccountEnvironment

BINANCE = ["https://api.binance.com", "https://fapi.binance.com", "https://dapi.binance.com"]


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


def test_a_testnet_is_a_different_server() -> None:
    assert found("bybit", testnet=True) == ["https://api-testnet.bybit.com"]
