"""Stores a run's events through one connection.

Dagster connects anew for every statement of its own, so that instances which nobody closes hold no
connections: some ninety times in a run that takes a snapshot, at several milliseconds each.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg


@contextmanager
def one_connection(instance: dg.DagsterInstance | None) -> Iterator[None]:
    """Until the end of the context, keep the connections of the instance's storage open.

    A connection that the server has closed is replaced when it is used next.
    """
    # loads Alembic, which loading the definitions must not
    from dagster_postgres import PostgresEventLogStorage, PostgresRunStorage
    from sqlalchemy import create_engine

    storages = [
        storage
        for storage in (instance and instance.event_log_storage, instance and instance.run_storage)
        if isinstance(storage, PostgresEventLogStorage | PostgresRunStorage)
    ]
    if not storages:
        yield
        return
    kept = create_engine(
        storages[0].postgres_url, isolation_level="AUTOCOMMIT", pool_pre_ping=True, max_overflow=-1
    )
    before = [storage._engine for storage in storages]
    for storage in storages:
        storage._engine = kept
    try:
        yield
    finally:
        for storage, engine in zip(storages, before, strict=True):
            storage._engine = engine
        kept.dispose()
