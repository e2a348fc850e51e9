"""Where an account's requests go, found out without sending one."""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from ccxt.base import errors as ccxt

from alphapulse_pipeline.exchange.ccxt_client import ClientConfig, build
from alphapulse_pipeline.exchange.client import ExchangeClient
from alphapulse_pipeline.exchange.venues import Venue

Call = tuple[str, Mapping[str, Any]]


class _Reached(BaseException):
    """The request: it ends the call, past every `except Exception` of ccxt's."""

    def __init__(self, url: str) -> None:
        self.url = url


def endpoints(client: ExchangeClient, connection: ClientConfig, venue: Venue) -> list[str]:
    """Scheme, host and port of every server that the account is read from.

    A unified method asks for the markets first: that request tells its server.
    """
    if connection.api_url:
        return [_origin(connection.api_url)]
    return client.run(_reached, connection, list(_calls(venue)))


async def _reached(connection: ClientConfig, calls: list[Call]) -> list[str]:
    async def fetch(url: str, *_: Any, **__: Any) -> Any:
        raise _Reached(url)

    # one of its own, since the account's client has to go on working
    exchange = build(connection)
    exchange.fetch = fetch
    exchange.enableRateLimit = False
    found: dict[str, None] = {}
    for method, params in calls:
        try:
            await getattr(exchange, method)(dict(params))
        except _Reached as request:
            found[_origin(request.url)] = None
        except ccxt.NotSupported:
            continue  # the time, which not every exchange tells
    return list(found)


def _calls(venue: Venue) -> Iterator[Call]:
    yield "fetch_time", {}
    for source in (*venue.positions, *(s for h in venue.histories.values() for s in h.values())):
        if source.parse:
            yield source.feed.method, source.feed.params
        else:
            yield "fetch_balance", {}


def _origin(url: str) -> str:
    there = urlsplit(url)
    return f"{there.scheme}://{there.netloc}"
