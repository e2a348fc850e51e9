"""A session of an account on each simulated exchange, behind a proxy that changes answers."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import pytest

from alphapulse_pipeline.exchange import ccxt_client, client, rate_limit
from alphapulse_pipeline.exchange.venues import VENUES
from alphapulse_pipeline.settings import redaction
from alphapulse_pipeline.settings.accounts import Account, AccountSettings
from alphapulse_pipeline.sync.session import Session, open_session
from alphapulse_pipeline_tests.conftest import NOW_MS
from alphapulse_pipeline_tests.fuzz.both_accounts import have_both, name_contract
from alphapulse_pipeline_tests.fuzz.proxy import Interference, Proxy, Request, between
from alphapulse_pipeline_tests.fuzz.shortcut import Shortcut, one_thread
from exchange_simulator import DEMO_KEY, DEMO_PASSPHRASE, DEMO_SECRET, SubAccount, World, serve

EXCHANGES = ("bybit", "binance", "okx", "kraken")


@dataclass
class Stage:
    """One account's session. What an example does to it is undone before the next."""

    session: Session
    proxy: Proxy
    url: str
    """Of the database."""
    shortcut: Shortcut
    usual: frozenset[Request] = frozenset()
    """What the unchanged answers of an endpoint make the client request."""
    learnt: dict[Any, Any] = field(default_factory=dict)
    """What the unchanged answers say, by endpoint."""

    def reset(self, interference: Interference | None = None) -> None:
        """Undo what an example did, and change answers as the next one says."""
        client = self.session.client
        redaction._signatures.clear()  # those of other examples would be looked for
        client.ccxt.refused = None
        client.ccxt.max_attempts = 1
        client.ccxt.options["timeDifference"] = _behind(self.session.account.settings.exchange)
        self.session.skipped_wallets = {}
        self.session.venue = VENUES[self.session.account.settings.exchange]
        self.proxy.interference = interference or Interference()


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
        session.connection.execute("SET synchronous_commit TO off")
        session.markets  # noqa: B018  load them
        if exchange == "binance":
            name_contract(session)
        session.client.now()
        shortcut = session.client.ccxt.session = Shortcut(session.client.ccxt.session, self.proxy)
        return Stage(session, self.proxy, url, shortcut)


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
        simulator.set_sub_accounts(*(SubAccount(n, f"desk{n}", NOW_MS - n) for n in range(1, 4)))
        have_both(patch)
        patch.setattr(rate_limit, "directory", lambda: None)
        patch.setattr(ccxt_client, "_MAX_ATTEMPTS", 1)
        patch.setattr(client, "start_blocking_portal", one_thread)
        for name, venue in VENUES.items():
            unlimited = {**venue.settings, "enableRateLimit": False}
            patch.setitem(VENUES, name, replace(venue, settings=unlimited))
        yield Stages(databases, stack, patch, proxy)
