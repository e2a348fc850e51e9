"""A server without rate limits, since tests of faults send many requests."""

from collections.abc import Iterator

import pytest

from exchange_simulator import Key, Simulator, Timing, World, serve
from exchange_simulator_tests.conftest import NOW


@pytest.fixture(scope="session")
def unlimited(world: World) -> Iterator[Simulator]:
    with serve(world, clock=lambda: NOW, limits=False, keys=[Key(may_withdraw=True)]) as simulator:
        yield simulator


@pytest.fixture
def faulty(unlimited: Simulator) -> Iterator[Simulator]:
    """The default world at NOW; reset after each test."""
    yield unlimited
    unlimited.set_clock(lambda: NOW)
    unlimited.set_timing(Timing())
    unlimited.set_faults()
