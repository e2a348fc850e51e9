"""Signed requests to any of the four exchanges, chosen by the path."""

from typing import Any

from exchange_simulator import Simulator
from exchange_simulator_tests import (
    binance_client,
    client,
    kraken_client,
    okx_client,
)

PRIVATE = {
    "bybit": "/v5/account/info",
    "binance": "/api/v3/account",
    "okx": "/api/v5/account/config",
    "kraken": "/0/private/BalanceEx",
}
"""A cheap private endpoint per exchange."""
NAMES = sorted(PRIVATE)


def ask(simulator: Simulator, path: str, params: dict[str, Any] | None = None) -> Any:
    """The JSON answer, whatever its status."""
    if path.startswith("/v5/"):
        return client.signed(simulator, path, params, patient=False).json
    if path.startswith("/api/v5/"):
        return okx_client.signed(simulator, path.removeprefix("/api/v5/"), params).json
    if path.startswith("/0/private/"):
        return kraken_client.private(simulator, path.removeprefix("/0/private/"), params).body
    if path.startswith("/0/public/"):
        return kraken_client.public(simulator, path.removeprefix("/0/public/"), params).body
    if "get-funding-asset" in path or "getUserAsset" in path:
        return binance_client.signed(simulator, path, params, post=True).json
    if "/ticker/" in path or "exchangeInfo" in path:
        return binance_client.send(simulator, path).json
    return binance_client.signed(simulator, path, params).json
