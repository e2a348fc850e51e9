"""Sessions: one account, one run, one client."""

import logging
from collections.abc import Iterator, Mapping
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
from alphapulse_pipeline.exchange.parsing import Unread
from alphapulse_pipeline.exchange.venues import Venue, venue_of
from alphapulse_pipeline.settings.accounts import Account
from alphapulse_pipeline.settings.errors import SettingsError
from alphapulse_pipeline.warehouse import deployed, stored_markets, sub_accounts
from alphapulse_pipeline.warehouse.connection import account_lock, connect
from alphapulse_pipeline.warehouse.history_state import HistoryState
from alphapulse_pipeline.warehouse.schema import require_current
from alphapulse_pipeline.warehouse.skipped import Skipped, State

logger = logging.getLogger(__name__)

_NEVER = datetime.fromtimestamp(0, UTC)


@dataclass
class Session:
    """The state of a run of one account."""

    account: Account
    connection: Connection[TupleRow]
    client: ExchangeClient
    venue: Venue
    run_id: str
    fingerprint: str
    """Identifies the API key."""
    admitted: bool = False
    """Whether this run has admitted the key."""
    refused: ExchangeFailure | None = None
    """Why this run refused the key."""
    skipped_wallets: Mapping[str, State] | None = None
    """The wallets that are skipped; None until they are looked up: see `skipping`."""
    held: dict[str, set[str]] = field(default_factory=dict)
    """`assets` and `markets` in this run's own snapshots."""
    rejected: list[tuple[str, Unread]] = field(default_factory=list)
    """(list, row) of the snapshot that is being read: what cannot be read of it."""
    totals_refused: bool = False
    """Whether the exchange has refused its own totals to this key in this run: see `books`."""
    _markets: Markets | None = None

    @property
    def name(self) -> str:
        return self.account.name

    @property
    def markets(self) -> Markets:
        """The exchange's markets, restored or loaded on first use."""
        if self._markets is None:
            self._markets = self._open_markets()
        return self._markets

    @property
    def skipped(self) -> Skipped:
        """The wallets and streams that are stored as skipped."""
        return Skipped(self.connection, self.name, self.fingerprint)

    def history(self, dataset: str) -> HistoryState:
        """The coverage of one of the account's histories."""
        return HistoryState(self.connection, self.name, dataset)

    def store_unlisted(self) -> None:
        """Store the markets that rows named but the exchange does not list."""
        if self._markets and self._markets.unlisted:
            seen = datetime.now(UTC)
            rows = {m["symbol"]: market_row(m["symbol"], m, seen) for m in self._markets.unlisted}
            stored_markets.store_markets(
                self.connection,
                self.name,
                [{**row, "active": False} for row in rows.values()],
            )
            self._markets.unlisted.clear()

    def _open_markets(self) -> Markets:
        markets = Markets(self.client.ccxt, self.venue.delisted, self._load_markets)
        markets.remember(stored_markets.market_names(self.connection, self.name))
        markets.remember_sizes(stored_markets.contract_sizes(self.connection, self.name))
        stored = stored_markets.catalogue(self.connection, self.name, ccxt_version())
        if stored and datetime.now(UTC) - stored[1] < CATALOGUE_LASTS:
            self.client.restore_markets(stored[0])
        else:
            self._load_markets(markets)
        return markets

    def _load_markets(self, markets: Markets) -> None:
        logger.info("%s: loading the list of markets", self.name)
        catalogue = self.client.load_markets()
        seen_at = datetime.now(UTC)
        rows = markets.listed(seen_at)
        stored_markets.store_markets(self.connection, self.name, rows)
        stored_markets.retire_markets(self.connection, self.name, seen_at)
        self._guess_markets()
        stored_markets.store_catalogue(self.connection, self.name, ccxt_version(), catalogue)

    def _guess_markets(self) -> None:
        """Store markets that may once have been listed; the exchange may still reject them."""
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
    """Hold the account's lock and open its client.

    Waits while another run holds the lock. Raises `SettingsError` for invalid settings.
    """
    exchange = client_config(account, run_id)
    venue = venue_of(account.settings.exchange)
    logger.info("%s: connecting to %s", account.name, account.settings.exchange)
    with connect(url) as connection:
        require_current(connection)
        register(connection, account)
        with account_lock(connection, account.name), open_client(exchange) as client:
            yield Session(account, connection, client, venue, run_id, exchange.fingerprint)


def supported(account: Account) -> tuple[str, ...]:
    """The account's datasets that its exchange offers. The others get no assets.

    Raises `SettingsError` if `wallets` names a wallet that the exchange does not have.
    """
    venue = venue_of(account.settings.exchange)
    _check_wallets(account, venue)
    return tuple(dataset for dataset in account.datasets if venue.supports(dataset))


def _check_wallets(account: Account, venue: Venue) -> None:
    names = [wallet.name for wallet in venue.wallets]
    for wallet in account.settings.wallets or ():
        if wallet not in names:
            raise SettingsError(
                f"{account.name}: {account.settings.exchange} has no wallet {wallet!r}",
                f"in `wallets`, use {', '.join(names)}",
            )


def register(connection: Connection[TupleRow], account: Account) -> None:
    """Record the account's datasets and the next tick of each."""
    now = datetime.now(UTC)
    settings = account.settings
    due = {
        cron: next(CronSim(cron, now)) for cron in (settings.snapshot_cron, settings.history_cron)
    }
    offered = supported(account)
    sub_accounts.register(connection, account.name, settings.parent, settings.sub_account)
    deployed.register(
        connection,
        account.name,
        settings.exchange,
        [
            (
                dataset,
                dataset in offered,
                due[settings.snapshot_cron if dataset in SNAPSHOTS else settings.history_cron]
                if dataset in offered
                else None,
            )
            for dataset in account.datasets
        ],
    )
