"""One account, one run, one client: opened when a run begins, closed when it ends."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from cronsim import CronSim
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.datasets import SNAPSHOTS
from alphapulse_pipeline.exchange.client import ExchangeClient, open_client
from alphapulse_pipeline.exchange.client_config import client_config
from alphapulse_pipeline.exchange.errors import ExchangeFailure
from alphapulse_pipeline.exchange.markets import (
    CATALOGUE_LASTS,
    Markets,
    ccxt_version,
    market_row,
    unlisted_market,
)
from alphapulse_pipeline.exchange.venues import Venue, venue_of
from alphapulse_pipeline.settings.accounts import Account
from alphapulse_pipeline.warehouse import deployed, stored_markets
from alphapulse_pipeline.warehouse.connection import account_lock, connect
from alphapulse_pipeline.warehouse.history_state import HistoryState
from alphapulse_pipeline.warehouse.schema import require_current

logger = logging.getLogger(__name__)

_NEVER = datetime.fromtimestamp(0, UTC)


@dataclass
class Session:
    """What a run of one account works with."""

    account: Account
    connection: Connection[TupleRow]
    client: ExchangeClient
    venue: Venue
    run_id: str
    fingerprint: str
    """The key's."""
    admitted: bool = False
    """Whether this run has found that the key may be used."""
    refused: ExchangeFailure | None = None
    """Why it may not."""
    held: dict[str, set[str]] = field(default_factory=dict)
    """Assets and markets that this run's own snapshots found."""
    _markets: Markets | None = None

    @property
    def name(self) -> str:
        return self.account.name

    @property
    def markets(self) -> Markets:
        """The markets, restored or loaded when they are first needed."""
        if self._markets is None:
            self._markets = self._know_markets()
        return self._markets

    def history(self, dataset: str) -> HistoryState:
        """What is known of one of the account's histories."""
        return HistoryState(self.connection, self.name, dataset)

    def store_unlisted(self) -> None:
        """Keep the names of markets that turned up without being listed."""
        if self._markets and self._markets.unlisted:
            seen = datetime.now(UTC)
            rows = {m["symbol"]: market_row(m["symbol"], m, seen) for m in self._markets.unlisted}
            stored_markets.store_markets(
                self.connection,
                self.name,
                [{**row, "active": False} for row in rows.values()],
            )
            self._markets.unlisted.clear()

    def _know_markets(self) -> Markets:
        markets = Markets(self.client.ccxt, self.venue.delisted, self._load_markets)
        markets.remember(stored_markets.market_names(self.connection, self.name))
        stored = stored_markets.catalogue(self.connection, self.name, ccxt_version())
        if stored and datetime.now(UTC) - stored[1] < CATALOGUE_LASTS:
            self.client.restore_markets(stored[0])
        else:
            self._load_markets(markets)
        return markets

    def _load_markets(self, markets: Markets) -> None:
        logger.info("%s: loading the exchange's markets", self.name)
        catalogue = self.client.load_markets()
        seen_at = datetime.now(UTC)
        rows = markets.listed(seen_at)
        stored_markets.store_markets(self.connection, self.name, rows)
        stored_markets.retire_markets(self.connection, self.name, seen_at)
        self._guess_markets()
        stored_markets.store_catalogue(self.connection, self.name, ccxt_version(), catalogue)

    def _guess_markets(self) -> None:
        """Markets that may have been listed once: asked for until the exchange says no."""
        if self.venue.formerly_listed is None:
            return
        known = {raw_id for raw_id, _, _ in stored_markets.market_names(self.connection, self.name)}
        guesses = self.client.run(self.venue.formerly_listed, self.client.request)
        rows = {
            market["symbol"]: {**market_row(market["symbol"], market, _NEVER), "active": False}
            for raw_id, category in guesses
            if raw_id not in known
            for market in [unlisted_market(self.venue.delisted(raw_id, category), category, raw_id)]
        }
        stored_markets.store_markets(self.connection, self.name, list(rows.values()))


@contextmanager
def open_session(account: Account, url: str, run_id: str) -> Iterator[Session]:
    """Hold the account's lock and its one client for as long as the context lasts.

    Waits where another run holds the lock. Raises `SettingsError` for a user's mistake.
    """
    exchange = client_config(account, run_id)
    venue = venue_of(account.settings.exchange)
    with connect(url) as connection:
        require_current(connection)
        register(connection, account)
        with account_lock(connection, account.name), open_client(exchange) as client:
            yield Session(account, connection, client, venue, run_id, exchange.fingerprint)


def supported(account: Account) -> tuple[str, ...]:
    """The account's datasets that its exchange has; the others are no assets."""
    venue = venue_of(account.settings.exchange)
    return tuple(dataset for dataset in account.datasets if venue.supports(dataset))


def register(connection: Connection[TupleRow], account: Account) -> None:
    """Write down the account's datasets and when each is due next."""
    now = datetime.now(UTC)
    settings = account.settings
    due = {
        cron: next(CronSim(cron, now)) for cron in (settings.snapshot_cron, settings.history_cron)
    }
    have = supported(account)
    deployed.register(
        connection,
        account.name,
        settings.exchange,
        [
            (
                dataset,
                dataset in have,
                due[settings.snapshot_cron if dataset in SNAPSHOTS else settings.history_cron]
                if dataset in have
                else None,
            )
            for dataset in account.datasets
        ],
    )
