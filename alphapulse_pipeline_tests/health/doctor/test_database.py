"""The doctor's checks of the database: real servers, real roles, real disks."""

import shutil
from pathlib import Path
from typing import NamedTuple

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.health.doctor.database import CHECKS, Server
from alphapulse_pipeline.health.doctor.result import Result, Status, examine
from alphapulse_pipeline.settings.errors import SettingsError
from alphapulse_pipeline.warehouse.connection import connect
from alphapulse_pipeline.warehouse.embedded import EmbeddedServer

DB = Connection[TupleRow]
GIGABYTE = 1024**3


def examined(server: Server) -> dict[str, Result]:
    return {result.check: result for result in examine("", CHECKS, server)}


def failures(found: dict[str, Result]) -> list[str]:
    return [check for check, result in found.items() if result.status is Status.FAILED]


def test_nothing_is_wrong_with_a_database_that_works(database: str, db: DB, tmp_path: Path) -> None:
    found = examined(Server(database, db, None, tmp_path))
    assert {r.status for r in found.values()} == {Status.OK}, found
    assert found["database"].message.startswith("PostgreSQL 1")
    assert "embedded" in found["database"].message
    assert "are free at" in found["space"].message


def test_a_database_that_does_not_answer_stops_all_that_needs_it() -> None:
    failure = SettingsError("the connection was refused", "check ALPHAPULSE_POSTGRES_URL")
    found = examined(Server("", None, failure, None))
    assert failures(found) == ["database"]
    assert found["database"].message == failure.problem
    assert found["database"].fix == failure.fix
    others = [r.message for check, r in found.items() if check != "database"]
    assert others == ["because the database check failed"] * 4


def test_old_tables_say_how_they_become_new(database: str, db: DB) -> None:
    db.execute("DELETE FROM alphapulse.repeatable")
    found = examined(Server(database, db, None, None))
    assert failures(found) == ["tables"]
    assert "of an older version" in found["tables"].message
    assert found["tables"].fix.startswith("run `alphapulse up`, `alphapulse sync`")
    assert found["reader"].message == "because the tables check failed"


def test_missing_and_newer_tables_have_different_messages(database: str, db: DB) -> None:
    server = Server(database, db, None, None)
    db.execute("UPDATE alphapulse.alembic_version SET version_num = '9999'")
    assert "newer version" in examined(server)["tables"].message
    db.execute("DROP SCHEMA alphapulse CASCADE")
    found = examined(server)
    assert found["tables"].status is Status.WARNING
    assert (
        found["tables"].fix
        == "run `alphapulse up`, `alphapulse sync` or `alphapulse migrate`, which creates them"
    )
    assert found["reader"].message == "because there are no tables yet"
    assert found["privileges"].status is Status.OK


@pytest.mark.parametrize("there", [True, False])
def test_without_the_privileges_the_fix_is_what_an_administrator_must_run(
    there: bool, database: str, db: DB, server: EmbeddedServer
) -> None:
    if not there:
        db.execute("DROP SCHEMA alphapulse CASCADE")
    db.execute("CREATE ROLE weak LOGIN")
    try:
        url = server.url(db.info.dbname, user="weak")
        with connect(url) as weak:
            found = examined(Server(url, weak, None, None))["privileges"]
            assert found.status is Status.FAILED
            assert (
                "weak may not create tables in schema alphapulse and schema public" in found.message
            )
            who, _, statements = found.fix.partition(": ")
            assert who == "have an administrator run"
            db.execute(statements.encode())
            assert examined(Server(url, weak, None, None))["privileges"].status is Status.OK
    finally:
        db.execute("DROP OWNED BY weak")
        db.execute("DROP ROLE weak")


def test_a_reader_that_cannot_connect_is_a_warning(
    database: str, db: DB, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("alphapulse_pipeline.warehouse.schema.READER", "nobody_of_that_name")
    found = examined(Server(database, db, None, None))
    assert failures(found) == []
    assert found["reader"].status is Status.WARNING
    assert "`alphapulse sql` does not work" in found["reader"].message
    assert "CREATEROLE" in found["reader"].fix


class Usage(NamedTuple):
    free: int


@pytest.mark.parametrize(
    ("free", "status"),
    [
        (GIGABYTE // 4, Status.FAILED),
        (2 * GIGABYTE, Status.WARNING),
        (20 * GIGABYTE, Status.OK),
    ],
)
def test_a_disk_that_fills_up_is_reported_in_time(
    free: int, status: Status, database: str, db: DB, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(free))
    found = examined(Server(database, db, None, Path("/data")))["space"]
    assert found.status is status
    assert "are free at /data" in found.message
    assert ("free space" in found.fix) is (status is not Status.OK)


def test_a_connection_that_is_cut_is_a_failure_and_no_traceback(database: str, db: DB) -> None:
    with connect(database) as cut:
        db.execute("SELECT pg_terminate_backend(%s)", [cut.info.backend_pid])
        found = examined(Server(database, cut, None, None))
    assert "the database returned an error: terminating connection" in found["privileges"].message
    assert "read its log" in found["privileges"].fix
