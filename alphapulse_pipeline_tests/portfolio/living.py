"""Accounts that are read while they live on."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import pytest
import stamina

from alphapulse_pipeline.datasets import HISTORIES
from alphapulse_pipeline.warehouse.embedded import EmbeddedServer
from alphapulse_pipeline_tests.conftest import unlimited
from alphapulse_pipeline_tests.sync.reliability.scene import BEFORE, HOUR, Scene, scene
from exchange_simulator import World

Export = Callable[[str, str], None]
STEP = 4 * HOUR + 7_321
"""Milliseconds; snapshots are taken at odd times."""


@contextmanager
def without_limits() -> Iterator[Export]:
    """Requests are sent at once; yields what sets a variable of the environment meanwhile."""
    with (
        pytest.MonkeyPatch.context() as monkeypatch,
        stamina.set_testing(True, attempts=4, cap=True),
    ):
        unlimited(monkeypatch)
        yield monkeypatch.setenv


@contextmanager
def living(
    exchange: str,
    server: EmbeddedServer,
    world: World,
    snapshots: Sequence[str],
    export: Export,
    *,
    steps: int = 36,
    step: int = STEP,
    since: int = BEFORE,
) -> Iterator[Scene]:
    """An account whose snapshots were taken in every step, its histories read in every sixth; its
    database is a template."""
    with (
        scene(exchange, server, world, export, since, since) as found,
        found.database() as (url, db),
    ):
        histories = [dataset for dataset in found.datasets if dataset in HISTORIES]
        for number in range(steps):
            found.clock.now += step
            read(found, url, *snapshots, *(histories if number % 6 == 0 else []))
        found.clock.now += 300_000
        read(found, url, *histories)
        found.template = db.info.dbname
        db.close()
        yield found


def read(scene: Scene, url: str, *datasets: str) -> None:
    """Positions that are all closed for the first time are not believed at once."""
    served = [dataset for dataset in datasets if dataset in scene.datasets]
    outcome = scene.sync(url, *served)
    assert {kind for dataset, kind in outcome.items() if dataset != "positions"} == {""}, outcome
