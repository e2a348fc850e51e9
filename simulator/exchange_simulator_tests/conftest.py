"""One default world for all read-only tests, and servers in front of it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from exchange_simulator import Simulator, World, serve

NOW = int(datetime(2026, 11, 20, 12, 34, 56, tzinfo=UTC).timestamp()) * 1000 + 789


@pytest.fixture(scope="session")
def world() -> World:
    """The default world, eleven months old at NOW."""
    return World()


@pytest.fixture(scope="session")
def server(world: World) -> Iterator[Simulator]:
    with serve(world) as simulator:
        yield simulator


@pytest.fixture
def frozen(server: Simulator) -> Simulator:
    """The default world with the clock frozen at NOW."""
    server.set_clock(lambda: NOW)
    server.set_faults()
    return server


@pytest.fixture(scope="session")
def young_world() -> World:
    """A world that is 24 days old now, for clients that sign with the real time."""
    return World(seed=11, genesis=datetime.now(UTC) - timedelta(days=24))


@pytest.fixture(scope="session")
def live(young_world: World) -> Iterator[Simulator]:
    with serve(young_world) as simulator:
        yield simulator
