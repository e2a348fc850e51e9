"""Dagster's storage in the database of the data."""

from concurrent.futures import ThreadPoolExecutor, wait

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.components.storage import PostgresStorage
from alphapulse_pipeline.settings.environment import POSTGRES_URL


def test_processes_that_start_at_once_take_turns(database: str, db: Connection[TupleRow]) -> None:
    """Web server, daemon and code server all find an empty database on the first start."""
    name = "alphapulse_pipeline.components.storage"
    db.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", [name])
    with ThreadPoolExecutor(3) as pool:
        others = [pool.submit(PostgresStorage.from_config_value, None, {}) for _ in range(3)]
        assert not wait(others, timeout=1).done
        assert _tables(db) == 0
        db.execute("SELECT pg_advisory_unlock_all()")
        stores = [other.result(timeout=60) for other in others]
    assert all(store.run_storage.get_runs_count() == 0 for store in stores)
    assert _tables(db) > 10


def _tables(db: Connection[TupleRow]) -> int:
    row = db.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
    assert row is not None
    return int(row[0])


def test_without_a_database_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(POSTGRES_URL, raising=False)
    storage = PostgresStorage.from_config_value(None, {})
    assert storage.run_storage.get_cursor_values({"any"}) == {}
