"""A session of an account on each simulated exchange, behind a proxy that changes answers."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import pytest

from alphapulse_pipeline.exchange import ccxt_client, rate_limit
from alphapulse_pipeline.exchange.venues import VENUES
from alphapulse_pipeline.settings.accounts import Account, AccountSettings
from alphapulse_pipeline.sync.session import Session, open_session
from alphapulse_pipeline_tests.conftest import NOW_MS
from alphapulse_pipeline_tests.fuzz.proxy import Proxy, Request, between
from exchange_simulator import DEMO_KEY, DEMO_PASSPHRASE, DEMO_SECRET, World, serve

EXCHANGES = ("bybit", "binance", "okx", "kraken")


@dataclass
class Stage:
    """One account's session. What an example does to it is undone before the next."""

    session: Session
    proxy: Proxy
    url: str
    """Of the database."""
    catalogue: str
    learnt: dict[Any, Any] = field(default_factory=dict)
    """What the unchanged answers say, by endpoint."""

    def reset(self) -> None:
        client = self.session.client
        client.ccxt.refused = None
        client.ccxt.max_attempts = 1
        client.ccxt.options["timeDifference"] = _behind(self.session.account.settings.exchange)
        self.session.skipped_wallets = {}
        self.session.venue = VENUES[self.session.account.settings.exchange]
        self.proxy.asked.clear()
        self.proxy.changed.clear()

    def change(self, request: Request, body: bytes, *, every: bool) -> None:
        """Change the answer to a request; with `every`, all answers of its path."""
        self.proxy.changed = {request.path if every else request: body}
        self.proxy.once = not every


@dataclass
class Stages:
    """The stages of all exchanges, opened when they are first used."""

    databases: Callable[[str], str]
    stack: ExitStack
    patch: pytest.MonkeyPatch
    proxy: Proxy
    opened: dict[str, Stage] = field(default_factory=dict)

    def of(self, exchange: str) -> Stage:
        if exchange not in self.opened:
            self.opened[exchange] = self._open(exchange)
        stage = self.opened[exchange]
        stage.reset()
        return stage

    def _open(self, exchange: str) -> Stage:
        settings = {
            "exchange": exchange,
            "history_start": date(2026, 9, 1),
            "options": {"timeDifference": _behind(exchange), "recvWindow": 59_000},
        }
        account = Account(exchange, AccountSettings.model_validate(settings))
        names = account.environment
        for name, value in (
            (names.api_key, DEMO_KEY),
            (names.api_secret, DEMO_SECRET),
            (names.api_password, DEMO_PASSPHRASE),
            (names.api_url, self.proxy.url),
        ):
            self.patch.setenv(name, value)
        url = self.databases(exchange)
        session = self.stack.enter_context(open_session(account, url, "fuzz"))
        session.markets  # noqa: B018  load them
        session.client.now()
        catalogue = session.client.load_markets()
        return Stage(session, self.proxy, url, catalogue)


def _behind(exchange: str) -> int:
    """Requests are signed a little before the exchange's time, which stands still; Kraken's nonces
    must rise."""
    return 0 if exchange == "kraken" else time.time_ns() // 1_000_000 - NOW_MS + 25_000


@contextmanager
def stages(world: World, databases: Callable[[str], str]) -> Iterator[Stages]:
    """Stages whose clients have no rate limit and send every request once."""
    with (
        pytest.MonkeyPatch.context() as patch,
        serve(world, clock=lambda: NOW_MS, limits=False) as simulator,
        between(simulator) as proxy,
        ExitStack() as stack,
    ):
        patch.setattr(rate_limit, "directory", lambda: None)
        patch.setattr(ccxt_client, "_MAX_ATTEMPTS", 1)
        for name, venue in VENUES.items():
            unlimited = {**venue.settings, "enableRateLimit": False}
            patch.setitem(VENUES, name, replace(venue, settings=unlimited))
        yield Stages(databases, stack, patch, proxy)
