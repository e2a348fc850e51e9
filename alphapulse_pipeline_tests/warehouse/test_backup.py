"""`alphapulse backup` and `restore`: everything is there again, or nothing has changed."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from psycopg.rows import TupleRow

from alphapulse_pipeline.settings.errors import SettingsError, UserError
from alphapulse_pipeline.warehouse import backup, schema
from alphapulse_pipeline.warehouse.connection import connect, with_database
from alphapulse_pipeline.warehouse.embedded import EmbeddedServer

_STATUS = "SELECT * FROM alphapulse.sync_status ORDER BY account, dataset"
_EXAMPLE = """
INSERT INTO alphapulse.datasets (account, dataset, exchange, supported, deployed, stored)
VALUES ('bybit', 'transfers', 'bybit', true, true, 0);
INSERT INTO alphapulse.streams (account, dataset, stream, first_seen, source, wanted)
VALUES ('bybit', 'transfers', 'deposits', now(), 'feed', '[2025-01-01, 2026-01-01)');
INSERT INTO alphapulse.coverage (account, dataset, stream, covered, updated_at)
VALUES ('bybit', 'transfers', 'deposits', '{[2025-01-01, 2025-06-01)}', now());
"""


@pytest.fixture(scope="module")
def url(server: EmbeddedServer) -> Iterator[str]:
    """A database of its own, which restores rename."""
    with connect(server.url("postgres")) as connection:
        connection.execute("CREATE DATABASE kept TEMPLATE pristine")
    with connect(server.url("kept")) as connection:
        connection.execute(_EXAMPLE)
    yield server.url("kept")
    with connect(server.url("postgres")) as connection:
        for (name,) in connection.execute(
            "SELECT datname FROM pg_database WHERE datname LIKE 'kept%'"
        ).fetchall():
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


def status(url: str) -> list[TupleRow]:
    with connect(url) as connection:
        return connection.execute(_STATUS).fetchall()


def databases(url: str) -> set[str]:
    with connect(url) as connection:
        return {
            name
            for (name,) in connection.execute(
                "SELECT datname FROM pg_database WHERE datname LIKE 'kept%'"
            ).fetchall()
        }


def test_what_was_backed_up_is_restored_and_what_was_there_is_kept(
    url: str, tmp_path: Path
) -> None:
    file, before = tmp_path / "x.dump", status(url)
    assert before
    backup.back_up(url, file)
    assert file.stat().st_mode & 0o077 == 0
    assert [path.name for path in tmp_path.iterdir()] == ["x.dump"]
    with connect(url) as connection:
        connection.execute("CREATE TABLE public.runs ()")  # as Dagster's are
        connection.execute("DROP SCHEMA alphapulse CASCADE")
    kept = backup.restore(url, file, embedded=True)
    assert status(url) == before
    with connect(with_database(url, kept)) as connection:
        assert connection.execute("SELECT to_regclass('public.runs') IS NULL").fetchone() == (
            False,
        )
    with schema.connect_as_reader(url) as reader:
        assert reader.execute("SELECT count(*) FROM alphapulse.coverage").fetchone() == (1,)


def test_an_empty_database_is_filled(url: str, tmp_path: Path) -> None:
    backup.back_up(url, tmp_path / "x.dump")
    empty = schema.ensure_database(url, "kept_elsewhere")
    assert backup.restore(empty, tmp_path / "x.dump", embedded=False) == ""
    assert status(empty) == status(url)


def test_a_restore_that_cannot_be_done_changes_nothing(url: str, tmp_path: Path) -> None:
    file = tmp_path / "x.dump"
    backup.back_up(url, file)
    before, there = status(url), databases(url)
    with pytest.raises(SettingsError, match="is not empty, and a restore overwrites nothing"):
        backup.restore(url, file, embedded=False)
    with pytest.raises(SettingsError, match="does not exist"):
        backup.restore(url, tmp_path / "y.dump", embedded=True)
    with connect(url), pytest.raises(SettingsError, match="in use by 1 connections"):
        backup.restore(url, file, embedded=True)
    file.write_text("no dump")
    with pytest.raises(SettingsError, match="is not a backup"):
        backup.restore(url, file, embedded=True)
    backup.back_up(url, file)
    file.write_bytes(file.read_bytes()[:-2000])
    with pytest.raises(UserError, match="pg_restore"):
        backup.restore(url, file, embedded=True)
    assert (status(url), databases(url)) == (before, there)


def test_a_backup_that_cannot_be_written_is_one_sentence(url: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"cannot write .*nowhere"):
        backup.back_up(url, tmp_path / "nowhere" / "x.dump")
