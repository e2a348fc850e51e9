"""An account on one simulated exchange, a clock that the test moves on, a good first sync."""

import itertools
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import psycopg
from psycopg import Connection, sql
from psycopg.rows import TupleRow

from alphapulse_pipeline.datasets import SNAPSHOTS
from alphapulse_pipeline.exchange.errors import ExchangeFailure
from alphapulse_pipeline.settings.accounts import Account, AccountSettings
from alphapulse_pipeline.sync.histories import history, whole_history
from alphapulse_pipeline.sync.session import Session, open_session, supported
from alphapulse_pipeline.sync.snapshots import snapshot
from alphapulse_pipeline.warehouse.batches import Batches
from alphapulse_pipeline.warehouse.connection import connect
from alphapulse_pipeline.warehouse.embedded import EmbeddedServer
from alphapulse_pipeline.warehouse.writer import write
from exchange_simulator import (
    DEMO_KEY,
    DEMO_PASSPHRASE,
    DEMO_SECRET,
    Simulator,
    World,
    serve,
)

GENESIS = datetime(2026, 10, 4, tzinfo=UTC)
HOUR = 3_600_000
BEFORE = int(datetime(2026, 10, 14, 12, 0, 7, tzinfo=UTC).timestamp() * 1000)
"""When the good first sync is, in milliseconds."""
NOW = BEFORE + 22 * HOUR
"""When the faults strike: every history has new rows by then."""

_numbers = itertools.count(1)


class Clock:
    """The exchange's time, in milliseconds; it stands still until it is moved."""

    def __init__(self, now: int = BEFORE) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now


class Heard(logging.Handler):
    """All that is logged, whatever its level."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@contextmanager
def listening() -> Iterator[list[str]]:
    """The lines that are logged meanwhile."""
    heard, root = Heard(), logging.getLogger()
    level = root.level
    root.addHandler(heard)
    root.setLevel(logging.DEBUG)
    try:
        yield heard.lines
    finally:
        root.setLevel(level)
        root.removeHandler(heard)


@dataclass
class Scene:
    """One exchange, and databases that begin with the same good sync."""

    exchange: str
    simulator: Simulator
    clock: Clock
    server: EmbeddedServer
    export: Callable[[str, str], None]
    """Sets a variable of the environment."""
    history_start: date
    template: str = ""
    """The database after the good sync, which is not written to any more."""

    @property
    def datasets(self) -> tuple[str, ...]:
        """Without the books, which the exchange totals from the others: see `test_books.py`."""
        return tuple(dataset for dataset in supported(self.account()) if dataset != "books")

    def account(self, url: str = "", behind: int = 0) -> Account:
        """As the environment knows it from now on; its requests are signed at the clock's time, or
        so many milliseconds too early."""
        settings = {
            "exchange": self.exchange,
            "history_start": self.history_start,
            "options": {"timeDifference": self._behind() + behind, "recvWindow": 59_000},
            # a key that may not ask for its permissions is to read what it may
            "allow_unknown_rights": True,
        }
        account = Account(self.exchange, AccountSettings.model_validate(settings))
        names = account.environment
        self.export(names.api_key, DEMO_KEY)
        self.export(names.api_secret, DEMO_SECRET)
        self.export(names.api_password, DEMO_PASSPHRASE)
        self.export(names.api_url, url or self.simulator.url)
        return account

    def _behind(self) -> int:
        """Milliseconds by which requests are signed before this machine's time: a little before the
        clock's, which stands still while time passes here. Kraken's must rise from sync to sync."""
        here = time.time_ns() // 1_000_000
        return 0 if self.exchange == "kraken" else here - self.clock.now + 25_000

    def truth(self, at: int, *, expired: bool = False) -> dict[str, Any]:
        truth = self.simulator.truth(at, exchange=self.exchange, expired=expired)
        return truth | {"exchange": self.exchange}

    @contextmanager
    def database(self) -> Iterator[tuple[str, Connection[TupleRow]]]:
        """A database of its own, as it was after the good sync."""
        name = f"reliability_{next(_numbers)}"
        with connect(self.server.url("postgres")) as postgres:
            made = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy")
            template = sql.Identifier(self.template or "pristine")
            postgres.execute(made.format(sql.Identifier(name), template))
            url = self.server.url(name)
            try:
                with psycopg.connect(url, autocommit=True) as db:
                    yield url, db
            finally:
                dropped = sql.SQL("DROP DATABASE {} WITH (FORCE)")
                postgres.execute(dropped.format(sql.Identifier(name)))

    def sync(self, url: str, *datasets: str, door: str = "", behind: int = 0) -> dict[str, str]:
        """Dataset -> the kind of its failure, "" where there was none: each for itself."""
        outcome = {}
        with open_session(self.account(door, behind), url, "reliability") as session:
            for dataset in datasets or self.datasets:
                try:
                    write(session.connection, _batches(session, dataset), "reliability")
                    outcome[dataset] = ""
                except ExchangeFailure as failure:
                    outcome[dataset] = str(failure.kind)
                except Exception:
                    logging.getLogger(__name__).exception("%s failed", dataset)
                    outcome[dataset] = "bug"
        return outcome


def _batches(session: Session, dataset: str) -> Batches:
    if dataset in SNAPSHOTS:
        return snapshot(session, dataset)
    return history(session, dataset, whole_history(session), fill=True)


@contextmanager
def scene(
    exchange: str,
    server: EmbeddedServer,
    world: World,
    export: Callable[[str, str], None],
    before: int = BEFORE,
    now: int = NOW,
) -> Iterator[Scene]:
    """An exchange of `world` after a good sync at `before`, its clock at `now`."""
    clock = Clock(before)
    history_start = datetime.fromtimestamp(world.genesis / 1000, UTC).date()
    with serve(world, clock=clock, limits=False) as simulator:
        found = Scene(exchange, simulator, clock, server, export, history_start)
        with found.database() as (url, db):
            assert set(found.sync(url).values()) == {""}
            name = db.info.dbname
            db.close()  # nobody may be connected to a template
            found.template = name
            clock.now = now
            yield found
