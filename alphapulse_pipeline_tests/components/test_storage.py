"""Dagster's storage in the database of the data."""

from concurrent.futures import ThreadPoolExecutor, wait

import pytest
from psycopg import Connection
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import TupleRow

from alphapulse_pipeline.components.storage import PostgresStorage, _with_options
from alphapulse_pipeline.settings.environment import POSTGRES_URL
from alphapulse_pipeline.warehouse.connection import KEEPALIVES, SERVER_KEEPALIVES
from alphapulse_pipeline.warehouse.embedded import EmbeddedServer


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


def test_a_role_named_like_our_schema_finds_dagsters_tables(
    server: EmbeddedServer, database: str, db: Connection[TupleRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    db.execute("CREATE ROLE alphapulse LOGIN SUPERUSER")
    try:
        monkeypatch.setenv(POSTGRES_URL, server.url(db.info.dbname, user="alphapulse"))
        storage = PostgresStorage.from_config_value(None, {})
        assert storage.run_storage.get_runs_count() == 0
        assert _tables(db) > 10
        ours = "SELECT count(*) FROM alphapulse.alembic_version"
        assert db.execute(ours).fetchone() == (1,)
    finally:
        monkeypatch.setenv(POSTGRES_URL, database)
        db.execute("DROP OWNED BY alphapulse")
        db.execute("DROP ROLE alphapulse")


@pytest.mark.parametrize(
    ("url", "options"),
    [
        (
            "postgresql://me@host/db",
            f"-csynchronous_commit=off {SERVER_KEEPALIVES} -csearch_path=public",
        ),
        (
            "postgresql:///db?host=/tmp&keepalives_idle=7"
            "&options=-csearch_path%3Dmine%20-cwork_mem%3D7MB",
            f"-csynchronous_commit=off {SERVER_KEEPALIVES} -csearch_path=mine -cwork_mem=7MB"
            " -csearch_path=public",
        ),
    ],
)
def test_dagster_keeps_the_options_of_the_url(url: str, options: str) -> None:
    before, after = conninfo_to_dict(url), conninfo_to_dict(_with_options(url))
    assert after == KEEPALIVES | before | {"options": options}


def test_without_a_database_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(POSTGRES_URL, raising=False)
    storage = PostgresStorage.from_config_value(None, {})
    assert storage.run_storage.get_cursor_values({"any"}) == {}
