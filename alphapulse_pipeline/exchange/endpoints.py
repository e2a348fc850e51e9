"""The servers that an account's requests go to, determined without sending a request."""

from collections.abc import Iterator, Mapping
from typing import Any

from ccxt.base import errors as ccxt

from alphapulse_pipeline.exchange.ccxt_client import ClientConfig, build, origin
from alphapulse_pipeline.exchange.client import ExchangeClient
from alphapulse_pipeline.exchange.venues import Venue

Call = tuple[str, Mapping[str, Any]]


class _Reached(BaseException):
    """Carries the request's URL out of the call, past every `except Exception` in ccxt."""

    def __init__(self, url: str) -> None:
        self.url = url


def endpoints(client: ExchangeClient, config: ClientConfig, venue: Venue) -> list[str]:
    """Scheme, host and port of every server that the account is read from.

    A unified method requests the markets first, from the same server.
    """
    if config.api_url:
        return [origin(config.api_url)]
    return client.run(_reached, config, list(_calls(venue)))


async def _reached(config: ClientConfig, calls: list[Call]) -> list[str]:
    async def fetch(url: str, *_: Any, **__: Any) -> Any:
        raise _Reached(url)

    # a separate instance: the account's client must keep working
    exchange = build(config)
    exchange.fetch = fetch
    exchange.enableRateLimit = False
    found: dict[str, None] = {}
    for method, params in calls:
        try:
            await getattr(exchange, method)(dict(params))
        except _Reached as request:
            found[origin(request.url)] = None
        except ccxt.NotSupported:
            continue  # not every exchange has an endpoint for its time
    return list(found)


def _calls(venue: Venue) -> Iterator[Call]:
    yield "fetch_time", {}
    for source in (*venue.positions, *(s for h in venue.histories.values() for s in h.values())):
        if source.parse:
            yield source.feed.method, source.feed.params
        else:
            yield "fetch_balance", {}
