"""What bad days are tried with: no waiting, and one good first sync for each exchange."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache

import pytest
import stamina

from alphapulse_pipeline.exchange.rate_limit import RateLimiter
from alphapulse_pipeline.warehouse.embedded import EmbeddedServer
from alphapulse_pipeline_tests.sync.reliability.cells import Cells
from alphapulse_pipeline_tests.sync.reliability.scene import GENESIS, scene
from exchange_simulator import World


@pytest.fixture(scope="session")
def small_world() -> World:
    """Of a seed in which every list shows a row before the faults strike, and a new one then, and
    no wallet is emptied meanwhile."""
    return World(seed=22, genesis=GENESIS, pace=0.6)


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As many attempts as always, and no waiting between them."""
    monkeypatch.setattr(RateLimiter, "hold", lambda self, seconds: None)
    with stamina.set_testing(True, attempts=4, cap=True):
        yield


@pytest.fixture(scope="module")
def cells(server: EmbeddedServer, small_world: World) -> Iterator[Callable[[str], Cells]]:
    """Cells of an exchange, to be tried one after the other. A file's tests share its good sync."""
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())

        @cache
        def begin(exchange: str) -> Cells:
            found = stack.enter_context(scene(exchange, server, small_world, patch.setenv))
            begun = Cells(found, *stack.enter_context(found.database()))
            begun.learn()
            return begun

        yield begin
