"""What the portfolio is calculated from: accounts in the tables, without an exchange; an invented
portfolio; and six days in the life of an account on each of four exchanges."""

from collections.abc import Iterator

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.datasets import SNAPSHOTS
from alphapulse_pipeline.warehouse.embedded import EmbeddedServer
from alphapulse_pipeline_tests.portfolio import example
from alphapulse_pipeline_tests.portfolio.accounts import Accounts
from alphapulse_pipeline_tests.portfolio.living import living
from alphapulse_pipeline_tests.sync.reliability.scene import GENESIS, Scene
from exchange_simulator import EXCHANGES, World
from exchange_simulator.layout import BYBIT_IN_SESSIONS


@pytest.fixture
def accounts(db: Connection[TupleRow]) -> Accounts:
    return Accounts(db)


@pytest.fixture
def held(db: Connection[TupleRow]) -> Connection[TupleRow]:
    """A database with an invented portfolio of two accounts."""
    example.fill(db)
    return db


@pytest.fixture(scope="session")
def busy_world() -> World:
    """Of a seed that deposits and withdraws within the days that are read."""
    return World(seed=16, genesis=GENESIS, pace=0.7, layout=BYBIT_IN_SESSIONS)


@pytest.fixture(scope="package", params=EXCHANGES)
def lived(
    request: pytest.FixtureRequest, server: EmbeddedServer, busy_world: World
) -> Iterator[Scene]:
    with living(request.param, server, busy_world, list(SNAPSHOTS)) as found:
        yield found
