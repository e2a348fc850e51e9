"""One PostgreSQL server a session, one database a test, one simulated account over real HTTP."""

import itertools
import os
import signal
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
from xdist.remote import Producer  # type: ignore[import-untyped]
from xdist.scheduler import LoadFileScheduling  # type: ignore[import-untyped]

from alphapulse_pipeline.exchange import rate_limit
from alphapulse_pipeline.exchange.venues import VENUES
from alphapulse_pipeline.settings import environment
from alphapulse_pipeline.settings.accounts import Account, AccountSettings
from alphapulse_pipeline.settings.environment import POSTGRES_URL
from alphapulse_pipeline.warehouse import schema
from alphapulse_pipeline.warehouse.connection import connect
from alphapulse_pipeline.warehouse.embedded import EmbeddedServer, embedded_server
from exchange_simulator import (
    DEMO_KEY,
    DEMO_PASSPHRASE,
    DEMO_SECRET,
    Simulator,
    World,
    serve,
)

_numbers = itertools.count(1)
os.environ.pop("UV", None)  # `uv run pytest` sets it, and messages name commands differently then

GENESIS = datetime(2026, 9, 1, tzinfo=UTC)
"""When the shared simulated account begins: recent, so that its whole history is read fast."""
NOW_MS = int(datetime(2026, 10, 15, 12, 0, 7, tzinfo=UTC).timestamp() * 1000)
"""The frozen time of the shared simulator."""


LIVED = "portfolio/lived"
_LIVED = (
    "finality",
    "lived_lots",
    "position_reconciliation",
    "reconciliation",
    "rolled_back",
    "value_daily",
)
"""The files that share the accounts of the fixture `lived`, which take a while to make."""
SLOW = ("test_browser", "test_up", LIVED, "reliability", "test_event_log", "test_wheels")
"""Whose files take longest. They come first, so that none of them is waited for in the end."""


def _file(nodeid: str) -> str:
    """The file of a test; those that share accounts count as one."""
    file = nodeid.split("::", 1)[0]
    return LIVED if any(f"portfolio/test_{name}.py" in file for name in _LIVED) else file


class _ByFile(LoadFileScheduling):  # type: ignore[misc]
    """Gives each file to one worker."""

    def _split_scope(self, nodeid: str) -> str:
        return _file(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadFileScheduling | None:
    return _ByFile(config, log) if config.getoption("dist") == "loadfile" else None


def pytest_xdist_auto_num_workers() -> int:
    """Tests wait for servers half of their time: one more than there are processors."""
    return (os.cpu_count() or 1) + 1


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = {name: place for place, name in enumerate(SLOW)}

    def place(item: pytest.Item) -> int:
        return min(
            (p for name, p in places.items() if name in _file(item.nodeid)), default=len(SLOW)
        )

    items.sort(key=place)


@pytest.fixture(scope="session", autouse=True)
def ctrl_c() -> Iterator[None]:
    """SIGINT as in a terminal. Non-interactive shells start background jobs with it ignored, which
    every process that a test starts would inherit."""
    before = signal.getsignal(signal.SIGINT)
    if before is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="session")
def server() -> Iterator[EmbeddedServer]:
    """The session's PostgreSQL. Its data need not outlive the machine: nothing waits for a disk."""
    with tempfile.TemporaryDirectory(prefix="ap") as home, embedded_server(Path(home)) as running:
        with connect(running.url("postgres")) as connection:
            for setting in ("fsync", "full_page_writes", "synchronous_commit"):
                connection.execute(f"ALTER SYSTEM SET {setting} = off".encode())
            connection.execute("SELECT pg_reload_conf()")
            connection.execute("CREATE DATABASE pristine")
        schema.migrate(running.url("pristine"))
        yield running


@pytest.fixture(scope="session")
def with_dagster(server: EmbeddedServer) -> str:
    """A template with Dagster's tables as well: creating them takes longer than most tests."""
    from alphapulse_pipeline.components.storage import PostgresStorage  # slow to import

    with connect(server.url("postgres")) as connection:
        connection.execute("CREATE DATABASE with_dagster TEMPLATE pristine")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(POSTGRES_URL, server.url("with_dagster"))
        PostgresStorage.from_config_value(None, {})
    return "with_dagster"


@pytest.fixture
def database(
    server: EmbeddedServer, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """The URL of a migrated database of the test's own, also in the environment."""
    dagster = "instance" in request.fixturenames
    template = request.getfixturevalue("with_dagster") if dagster else "pristine"
    name = f"test_{next(_numbers)}"
    made = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy")
    with connect(server.url("postgres")) as connection:
        connection.execute(made.format(sql.Identifier(name), sql.Identifier(template)))
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
    unlimited(monkeypatch)


def unlimited(monkeypatch: pytest.MonkeyPatch) -> None:
    """Venues without a rate limit: the simulators of tests have none either."""
    for name, venue in VENUES.items():
        settings = {**venue.settings, "enableRateLimit": False}
        monkeypatch.setitem(VENUES, name, replace(venue, settings=settings))


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rate limits are each client's own: servers of other tests had the same ports."""
    monkeypatch.setattr(rate_limit, "directory", lambda: None)


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
