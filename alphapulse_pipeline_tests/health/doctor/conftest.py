"""An account at a simulator whose clock goes, and its doctor."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.exchange import ccxt_client
from alphapulse_pipeline.health.doctor.account import examine_account
from alphapulse_pipeline.health.doctor.result import Result, Status
from alphapulse_pipeline.settings.accounts import Account, AccountSettings
from exchange_simulator import DEMO_KEY, DEMO_PASSPHRASE, DEMO_SECRET, Key, World, serve

At = Callable[..., Account]
Examine = Callable[..., dict[str, Result]]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """One attempt a request, which is given up soon."""
    monkeypatch.setattr(ccxt_client, "_MAX_ATTEMPTS", 1)
    monkeypatch.setattr(ccxt_client, "_REQUEST_TIMEOUT_MS", 5_000)


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> At:
    """Makes the account `main` with credentials for a server; the environment knows it."""

    def make(url: str, exchange: str = "bybit", **settings: object) -> Account:
        values = {"exchange": exchange, "history_start": date(2026, 9, 1), **settings}
        account = Account("main", AccountSettings.model_validate(values))
        names = account.environment
        monkeypatch.setenv(names.api_key, DEMO_KEY)
        monkeypatch.setenv(names.api_secret, DEMO_SECRET)
        monkeypatch.setenv(names.api_password, DEMO_PASSPHRASE)
        monkeypatch.setenv(names.api_url, url)
        return account

    return make


@contextmanager
def serving(world: World, *faults: str, key: Key | None = None) -> Iterator[str]:
    """The simulator, by the system's clock."""
    with serve(world, faults=faults, keys=[key or Key()], limits=False) as simulator:
        yield simulator.url


def examined(
    account: Account, db: Connection[TupleRow] | None = None, *, tables: bool = True
) -> dict[str, Result]:
    """The results of an account's examination, by check."""
    found = list(examine_account(account, db, tables=tables and db is not None))
    assert len({result.check for result in found}) == len(found)
    return {result.check: result for result in found}


def by_status(found: dict[str, Result], status: Status) -> list[str]:
    return [check for check, result in found.items() if result.status is status]
