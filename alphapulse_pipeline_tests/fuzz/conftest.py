"""One simulator, and a session of every exchange, for all tests of a file."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from psycopg import sql

from alphapulse_pipeline.warehouse.connection import connect
from alphapulse_pipeline.warehouse.embedded import EmbeddedServer
from alphapulse_pipeline_tests.conftest import GENESIS
from alphapulse_pipeline_tests.fuzz.stage import Stages, stages
from exchange_simulator import World
from exchange_simulator.layout import BYBIT_PAID_IN


@pytest.fixture(scope="module")
def opened(server: EmbeddedServer) -> Iterator[Stages]:
    world = World(genesis=GENESIS, layout=replace(BYBIT_PAID_IN, swaps=True))
    names: list[str] = []

    def database(exchange: str) -> str:
        names.append(f"fuzz_{exchange}")
        with connect(server.url("postgres")) as postgres:
            made = sql.SQL("CREATE DATABASE {} TEMPLATE pristine STRATEGY file_copy")
            postgres.execute(made.format(sql.Identifier(names[-1])))
        return server.url(names[-1])

    with stages(world, database) as found:
        yield found
    with connect(server.url("postgres")) as postgres:
        for name in names:
            dropped = sql.SQL("DROP DATABASE {} WITH (FORCE)")
            postgres.execute(dropped.format(sql.Identifier(name)))
