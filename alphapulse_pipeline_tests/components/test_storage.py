"""Dagster's storage in the database of the data."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.components.storage import PostgresStorage
from alphapulse_pipeline.settings.environment import POSTGRES_URL


def test_processes_that_start_at_once_make_the_tables_once(
    database: str, db: Connection[TupleRow]
) -> None:
    """Web server, daemon and code server all find an empty database on the first start."""
    with ThreadPoolExecutor(4) as pool:
        stores = list(pool.map(lambda _: PostgresStorage.from_config_value(None, {}), range(4)))
    assert all(store.run_storage.get_runs_count() == 0 for store in stores)
    tables = db.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
    assert tables is not None
    assert tables[0] > 10


def test_without_a_database_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(POSTGRES_URL, raising=False)
    storage = PostgresStorage.from_config_value(None, {})
    assert storage.run_storage.get_cursor_values({"any"}) == {}
