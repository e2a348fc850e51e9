"""The web server's own settings for Dagster."""

from collections.abc import Iterator

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow
from sqlalchemy import event
from sqlalchemy.pool import Pool

from alphapulse_pipeline.cli.web import require_open
from alphapulse_pipeline.components.storage import PostgresStorage

DB = Connection[TupleRow]
OTHERS = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"


@pytest.fixture
def checked() -> Iterator[None]:
    """As in the web server's process."""
    event.listen(Pool, "checkout", require_open)
    yield
    event.remove(Pool, "checkout", require_open)


def test_a_restart_of_the_database_costs_no_answer(database: str, db: DB, checked: None) -> None:
    storage = PostgresStorage.from_config_value(None, {})
    stores = storage.run_storage, storage.event_log_storage, storage.schedule_storage

    def answers() -> list[object]:
        runs, events, schedules = stores
        return [
            runs.get_runs_count(),
            list(events.all_asset_keys()),
            list(schedules.all_instigator_state()),
        ]

    for store in stores:
        store.optimize_for_webserver(statement_timeout=15000, pool_recycle=3600, max_overflow=20)
    assert answers() == [0, [], []]
    closed = db.execute(f"SELECT pg_terminate_backend(pid) {OTHERS}").fetchall()
    assert len(closed) >= len(stores), "nothing was open: this test tests nothing"
    assert answers() == [0, [], []]
    for store in stores:
        store.dispose()
