"""A server without limits: the tests of faults ask often."""

from collections.abc import Iterator

import pytest

from exchange_simulator import Key, Quirks, Simulator, World, serve
from exchange_simulator_tests.conftest import NOW


@pytest.fixture(scope="session")
def unlimited(world: World) -> Iterator[Simulator]:
    with serve(world, clock=lambda: NOW, limits=False, keys=[Key(may_withdraw=True)]) as simulator:
        yield simulator


@pytest.fixture
def sick(unlimited: Simulator) -> Iterator[Simulator]:
    """The default world at NOW; what a test does to it is undone."""
    yield unlimited
    unlimited.set_clock(lambda: NOW)
    unlimited.set_quirks(Quirks())
    unlimited.set_faults()
