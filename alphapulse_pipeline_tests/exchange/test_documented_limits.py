"""Every request of a venue counts in a documented limit, with the documented cost."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import pytest

from alphapulse_pipeline.exchange.ccxt_client import ClientConfig, build
from alphapulse_pipeline.exchange.venues import VENUES
from alphapulse_pipeline.exchange.venues.limits import binance, bybit, kraken, okx
from alphapulse_pipeline.settings.environment import AccountEnvironment
from exchange_simulator.binance.endpoints import ENDPOINTS as BINANCE
from exchange_simulator.bybit.endpoints import PRIVATE as BYBIT
from exchange_simulator.kraken.endpoints import PRIVATE as KRAKEN
from exchange_simulator.okx.endpoints import PRIVATE as OKX

Asked = list[tuple[str, str, Mapping[str, Any]]]


async def requests(name: str) -> Asked:
    """(API, path, parameters) of the requests that a venue makes."""
    venue = VENUES[name]
    exchange = build(ClientConfig(AccountEnvironment(name), name, "key", "secret"))
    exchange.markets = {"none": {}}
    asked: Asked = []

    async def fetch2(path: str, api: Any, method: str, params: Any, *_: Any) -> Any:
        asked.append((api if isinstance(api, str) else api[0], path, dict(params)))
        raise NotImplementedError

    async def call(method: str, params: Mapping[str, Any]) -> Any:
        return await getattr(exchange, method)(dict(params))

    exchange.fetch2 = fetch2
    sources = (
        *venue.positions,
        *venue.open_orders,
        *venue.ended_orders,
        *(source for history in venue.histories.values() for source in history.values()),
        *(
            source
            for category in ("spot", "linear", "inverse", "option")
            for source in venue.order_by_id(category, "BTCUSDT", "1")
        ),
    )
    calls = [
        *(call(source.feed.method, source.feed.params) for source in sources),
        *(exchange.fetch_balance(dict(wallet.params)) for wallet in venue.wallets),
        *(exchange.fetch_tickers(None, dict(params)) for params in venue.tickers.values()),
        exchange.fetch_markets(),
        exchange.fetch_time(),
        venue.margin_mode(call),
        *(
            question(call)
            for question in (venue.rights, venue.account_type, venue.formerly_listed)
            if question
        ),
    ]
    for one in calls:
        with suppress(Exception):
            await one
    await exchange.close()
    return asked


@pytest.mark.parametrize("name", VENUES)
def test_every_request_counts_in_a_documented_limit(name: str) -> None:
    asked = asyncio.run(requests(name))
    charged = VENUES[name].charged
    assert charged is not None
    assert len({path for _, path, _ in asked}) > 8
    unknown = {(api, path) for api, path, params in asked if charged(api, path, params) is None}
    assert unknown == set(), f"add them to exchange/venues/limits/{name}.py, from their pages"


_PREFIXES = {
    "private": "/api/v3/",
    "public": "/api/v3/",
    "sapi": "/sapi/v1/",
    "fapiPrivate": "/fapi/v1/",
    "fapiPrivateV2": "/fapi/v2/",
    "fapiPrivateV3": "/fapi/v3/",
    "fapiPublic": "/fapi/v1/",
    "dapiPrivate": "/dapi/v1/",
    "dapiPublic": "/dapi/v1/",
    "eapiPrivate": "/eapi/v1/",
}


def test_binance_is_charged_what_the_simulator_counts() -> None:
    """Both follow the pages, each by itself."""
    compared = 0
    for api, path, params in asyncio.run(requests("binance")):
        endpoint = BINANCE.get(_PREFIXES.get(api, "") + path)
        if endpoint is not None:
            without = endpoint.without_symbol is not None and not params.get("symbol")
            ((limit, cost),) = binance.charged(api, path, params) or ()
            assert cost == (endpoint.without_symbol if without else endpoint.weight), path
            assert limit.per_address is not endpoint.per_user
            compared += 1
    assert compared > 40


def test_bybit_allows_us_what_the_simulator_allows() -> None:
    for path, endpoint in BYBIT.items():
        charges = bybit.charged("private", path.removeprefix("/"), {})
        if charges and "pre-upgrade" not in path:
            (limit, _), (address, _) = charges
            assert (limit.amount, 1000 * limit.seconds) == endpoint.limit, path
            assert address is bybit.ADDRESS


def test_okx_allows_us_what_the_simulator_allows() -> None:
    for path, endpoint in OKX.items():
        if charges := okx.charged("private", path, {}):
            ((limit, _),) = charges
            per_second = endpoint.limit.requests / endpoint.limit.window * 1000
            assert limit.amount / limit.seconds == per_second, path


def test_kraken_is_charged_at_least_what_the_simulator_counts() -> None:
    for path, endpoint in KRAKEN.items():
        ((limit, cost),) = kraken.charged("private", path, {}) or ()
        assert (limit, cost >= endpoint.cost) == (kraken.COUNTER, True), path
