"""What the portfolio is calculated from: accounts in the tables, without an exchange; an invented
portfolio; and six days in the life of an account on each of four exchanges."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.datasets import SNAPSHOTS
from alphapulse_pipeline.warehouse.embedded import EmbeddedServer
from alphapulse_pipeline_tests.portfolio import example
from alphapulse_pipeline_tests.portfolio.accounts import Accounts
from alphapulse_pipeline_tests.portfolio.living import living, without_limits
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


@pytest.fixture(scope="session")
def lives(server: EmbeddedServer, busy_world: World) -> Iterator[Callable[[str], Scene]]:
    """The account of an exchange, which lived once for all tests."""
    with ExitStack() as kept:

        @cache
        def of(exchange: str) -> Scene:
            with without_limits() as export:
                lived = living(exchange, server, busy_world, list(SNAPSHOTS), export)
                return kept.enter_context(lived)

        yield of


@pytest.fixture(params=EXCHANGES)
def lived(request: pytest.FixtureRequest, lives: Callable[[str], Scene]) -> Iterator[Scene]:
    scene = lives(request.param)
    with without_limits() as scene.export:
        yield scene
