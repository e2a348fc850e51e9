"""One PostgreSQL server a session, one database a test, one simulated account over real HTTP."""

import itertools
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import psycopg
import pytest
from psycopg import Connection, sql
from psycopg.rows import TupleRow

from alphapulse_pipeline.exchange.venues import VENUES
from alphapulse_pipeline.settings import environment
from alphapulse_pipeline.settings.accounts import Account, AccountSettings
from alphapulse_pipeline.settings.environment import POSTGRES_URL
from alphapulse_pipeline.simulator import (
    DEMO_KEY,
    DEMO_PASSPHRASE,
    DEMO_SECRET,
    Simulator,
    World,
    serve,
)
from alphapulse_pipeline.warehouse import schema
from alphapulse_pipeline.warehouse.connection import connect
from alphapulse_pipeline.warehouse.embedded import EmbeddedServer, embedded_server
from alphapulse_pipeline_tests.cli import running

_numbers = itertools.count(1)

GENESIS = datetime(2026, 9, 1, tzinfo=UTC)
"""When the shared simulated account begins: recent, so that its whole history is read fast."""
NOW_MS = int(datetime(2026, 10, 15, 12, 0, 7, tzinfo=UTC).timestamp() * 1000)
"""The frozen time of the shared simulator."""


@pytest.fixture(scope="session")
def server() -> Iterator[EmbeddedServer]:
    """The session's PostgreSQL."""
    with tempfile.TemporaryDirectory(prefix="ap") as home, embedded_server(Path(home)) as running:
        with connect(running.url("postgres")) as connection:
            connection.execute("CREATE DATABASE pristine")
        schema.migrate(running.url("pristine"))
        yield running


@pytest.fixture(scope="session", autouse=True)
def demo_home(request: pytest.FixtureRequest) -> Iterator[Callable[[], Path]]:
    """Gives a home whose demo was read whole.

    That takes minutes, most of them spent in waiting for the exchange's rate limit: where the
    browser's tests are to come, it begins at once, and goes on beside the tests before them.
    """
    if not any(item.nodeid.find("test_browser") >= 0 for item in request.session.items):
        yield lambda: pytest.fail("only the browser's tests are given a demo")
        return
    # a short path, because a unix socket's may have about a hundred characters
    with tempfile.TemporaryDirectory(prefix="ap") as folder:
        home = Path(folder) / "home"
        with running.beginning(home, "sync", "--demo") as wait:

            def read() -> Path:
                wait()
                return home

            yield read


@pytest.fixture
def database(server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of a migrated database of the test's own, also in the environment."""
    name = f"test_{next(_numbers)}"
    with connect(server.url("postgres")) as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE pristine").format(sql.Identifier(name))
        )
        url = server.url(name)
        monkeypatch.setenv(POSTGRES_URL, url)
        yield url
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def db(database: str) -> Iterator[Connection[TupleRow]]:
    """A connection to the test's database, in autocommit."""
    with psycopg.connect(database, autocommit=True) as connection:
        yield connection


@pytest.fixture(scope="session")
def world() -> World:
    """Six weeks of a simulated account."""
    return World(seed=7, genesis=GENESIS)


@pytest.fixture
def simulator(world: World) -> Iterator[Simulator]:
    """The account behind Bybit's protocol, its clock standing still at `NOW_MS`."""
    with serve(world, clock=lambda: NOW_MS, limits=False) as running:
        yield running


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Venues without a rate limit: the simulators of tests have none either."""
    for name, venue in VENUES.items():
        settings = {**venue.settings, "enableRateLimit": False}
        monkeypatch.setitem(VENUES, name, replace(venue, settings=settings))


@pytest.fixture(autouse=True)
def forgetful(monkeypatch: pytest.MonkeyPatch) -> None:
    """What one test calls a secret is an ordinary word in the next."""
    monkeypatch.setattr(environment, "_seen", set())


@pytest.fixture
def make_account(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Account]:
    """Makes an account with credentials for a simulator; the environment knows it."""

    def make(url: str, name: str = "bybit", **settings: object) -> Account:
        # signed before the simulator's time, which stands still, by as much as the exchange takes
        seconds = {"okx": 25, "binance": 50}.get(str(settings.get("exchange")), 500)
        behind = time.time_ns() // 1_000_000 - NOW_MS + seconds * 1000
        values = {
            "exchange": "bybit",
            "history_start": date(2026, 9, 1),
            "options": {"timeDifference": behind, "recvWindow": (seconds + 9) * 1000},
            **settings,
        }
        account = Account(name, AccountSettings.model_validate(values))
        names = account.environment
        monkeypatch.setenv(names.api_key, DEMO_KEY)
        monkeypatch.setenv(names.api_secret, DEMO_SECRET)
        monkeypatch.setenv(names.api_password, DEMO_PASSPHRASE)
        monkeypatch.setenv(names.api_url, url)
        return account

    return make
