"""Accounts of exchanges without a venue of their own, behind a server with given answers."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from alphapulse_pipeline.datasets.values import Row
from alphapulse_pipeline.exchange.ccxt_client import ClientConfig
from alphapulse_pipeline.exchange.client import ExchangeClient, open_client
from alphapulse_pipeline.exchange.errors import Unreadable
from alphapulse_pipeline.exchange.feed import Page
from alphapulse_pipeline.exchange.markets import Markets, unlisted_market
from alphapulse_pipeline.exchange.parsing import Unread, parsed
from alphapulse_pipeline.exchange.venues import Venue, venue_of
from alphapulse_pipeline.settings.environment import AccountEnvironment
from alphapulse_pipeline.sync.snapshots import _read
from alphapulse_pipeline.warehouse.skipped import State
from alphapulse_pipeline_tests.exchange.servers import Reply, answering

Answers = Callable[[str, Mapping[str, Any]], Any]
"""(path, the parameters of its query and body) -> the answer's JSON; None: not found."""

DAY = 1_790_000_000_000
"""A time in milliseconds in the middle of the day that is read."""
START, END = DAY - 3_600_000, DAY + 3_600_000


class Skipped:
    """Keeps nothing: the account's own `skipped_wallets` has what is skipped."""

    def skip_wallet(self, wallet: str, state: State, reason: str) -> None:
        pass


@dataclass
class Account:
    """What our client, walkers and parsers make of the answers."""

    client: ExchangeClient
    venue: Venue
    markets: Markets
    asked: list[tuple[str, dict[str, Any]]]
    """Paths and parameters of the requests."""
    name: str = "account"
    held: dict[str, set[str]] = field(default_factory=dict)
    skipped_wallets: dict[str, State] = field(default_factory=dict)
    skipped: Skipped = field(default_factory=Skipped)
    rejected: list[tuple[str, Unread]] = field(default_factory=list)

    def rows(self, dataset: str, stream: str = "") -> list[Row]:
        """The rows from `START` to `END` of one stream of a history, or else of all."""
        sources = self.venue.histories[dataset]
        rows: list[Row] = []
        for source in [sources[stream]] if stream else sources.values():
            feed = source.feed

            async def walk(feed: Any = feed) -> list[Page]:
                pages = feed.paging.walk(self.client.request, feed, START, END, None)
                return [page async for page in pages]

            raw = [row for page in self.client.run(walk) for row in page.rows]
            found = parsed(self, dataset, source, raw)
            if found.unread:
                raise Unreadable(found.unread[0].reason)
            rows += found.rows
        return rows

    def snapshot(self, dataset: str) -> list[Row]:
        return list(_read(self, dataset))  # type: ignore[arg-type]


@contextmanager
def account(
    exchange: str, answers: Answers, *markets: dict[str, Any], secret: str = "1" * 64
) -> Iterator[Account]:
    """An account whose exchange lists `markets`."""
    asked: list[tuple[str, dict[str, Any]]] = []

    def reply(path: str, body: str) -> Reply:
        parts = urlsplit(path)
        sent = json.loads(body) if body.startswith("{") else dict(parse_qsl(body))
        asked.append((parts.path, dict(parse_qsl(parts.query)) | sent))
        answer = answers(*asked[-1])
        if answer is None:
            return Reply(b'{"message": "no such page"}', 404)
        return Reply(json.dumps(answer).encode(), headers={"Content-Type": "application/json"})

    with answering(reply) as url, open_client(_config(exchange, url, secret)) as client:
        client.disable_retries()
        client.ccxt.enableRateLimit = False
        client.ccxt.set_markets([{**client.ccxt.safe_market_structure(), **m} for m in markets])
        venue = venue_of(exchange)
        names = Markets(client.ccxt, venue.delisted, lambda _: None)
        names.listed(datetime.now(UTC))
        yield Account(client, venue, names, asked)


def market(symbol: str, raw_id: str, **more: Any) -> dict[str, Any]:
    """A listed market."""
    base_settle = symbol.partition(":")[2].partition("-")[0]
    category = "linear" if base_settle else "spot"
    if base_settle and base_settle == symbol.partition("/")[0]:
        category = "inverse"
    found = {**unlisted_market(symbol, category), "id": raw_id, "active": True}
    ids = {f"{name}Id": found[name] for name in ("base", "quote", "settle")}
    return {**found, **ids, "precision": {}, "limits": {}, "info": {}, **more}


def _config(exchange: str, url: str, secret: str) -> ClientConfig:
    return ClientConfig(
        AccountEnvironment("account"),
        exchange,
        "0x" + "2" * 40,
        secret,
        "1" * 8,
        url,
        settings=venue_of(exchange).settings,
    )


__all__ = ["DAY", "END", "START", "Account", "account", "market"]
