"""Dagster's own statements during a run go through one connection."""

from collections.abc import Iterator
from contextlib import suppress

import dagster as dg
import pytest
from dagster_postgres import PostgresEventLogStorage
from psycopg import Connection
from psycopg.rows import TupleRow
from sqlalchemy import event
from sqlalchemy.pool import Pool

from alphapulse_pipeline.components.run_events import one_connection
from alphapulse_pipeline_tests.cli.running import wait_for

OTHERS = "pid <> pg_backend_pid() AND datname = current_database() AND application_name = ''"


@pytest.fixture
def opened() -> Iterator[list[object]]:
    """The connections that SQLAlchemy has opened since."""
    found: list[object] = []

    def on_connect(connection: object, _: object) -> None:
        found.append(connection)

    event.listen(Pool, "connect", on_connect)
    yield found
    event.remove(Pool, "connect", on_connect)


def test_statements_share_connections(instance: dg.DagsterInstance, opened: list[object]) -> None:
    opened.clear()
    with one_connection(instance):
        for n in range(10):
            instance.report_runless_asset_event(dg.AssetMaterialization(f"asset_{n}"))
    assert 1 <= len(opened) <= 3


def test_a_connection_that_the_server_closed_is_replaced(
    instance: dg.DagsterInstance, db: Connection[TupleRow]
) -> None:
    with one_connection(instance):
        instance.report_runless_asset_event(dg.AssetMaterialization("before"))
        closed = db.execute(
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {OTHERS}"
        )
        assert closed.fetchall()
        instance.report_runless_asset_event(dg.AssetMaterialization("after"))
    assert instance.get_latest_materialization_event(dg.AssetKey("after"))


def test_nothing_is_left_open(instance: dg.DagsterInstance, db: Connection[TupleRow]) -> None:
    storage = instance.event_log_storage
    assert isinstance(storage, PostgresEventLogStorage)
    engine = storage._engine
    with suppress(RuntimeError), one_connection(instance):
        instance.report_runless_asset_event(dg.AssetMaterialization("asset"))
        raise RuntimeError
    assert storage._engine is engine
    others = f"SELECT count(*) FROM pg_stat_activity WHERE {OTHERS}"
    wait_for(lambda: db.execute(others).fetchone() == (0,), 120, what="the connections to end")


def test_an_instance_with_a_different_storage_is_left_alone() -> None:
    with dg.DagsterInstance.ephemeral() as instance, one_connection(instance):
        instance.report_runless_asset_event(dg.AssetMaterialization("asset"))
    with one_connection(None):
        pass
