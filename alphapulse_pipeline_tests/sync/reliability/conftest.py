"""What bad days are tried with: no waiting, and one good first sync for each exchange."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
import stamina

from alphapulse_pipeline.exchange.rate_limit import RateLimiter
from alphapulse_pipeline.warehouse.embedded import EmbeddedServer
from alphapulse_pipeline_tests.sync.reliability.cells import Cells
from alphapulse_pipeline_tests.sync.reliability.scene import GENESIS, Scene, scene
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


@pytest.fixture
def acted(
    server: EmbeddedServer, small_world: World, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], AbstractContextManager[Scene]]:
    return lambda exchange: scene(exchange, server, small_world, monkeypatch.setenv)


@pytest.fixture
def cells(
    acted: Callable[[str], AbstractContextManager[Scene]],
) -> Callable[[str], AbstractContextManager[Cells]]:
    """Cells of an exchange, to be tried one after the other."""

    @contextmanager
    def begin(exchange: str) -> Iterator[Cells]:
        with acted(exchange) as found, found.database() as (url, db):
            begun = Cells(found, url, db)
            begun.learn()
            yield begun

    return begin
