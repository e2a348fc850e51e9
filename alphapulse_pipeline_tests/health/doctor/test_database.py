"""What the doctor says of the database: real servers, real roles, real disks."""

import shutil
from pathlib import Path
from typing import NamedTuple

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.health.doctor.database import CHECKS, Server
from alphapulse_pipeline.health.doctor.result import Result, Status, examine
from alphapulse_pipeline.warehouse.connection import connect
from alphapulse_pipeline.warehouse.embedded import EmbeddedServer

DB = Connection[TupleRow]
GIGABYTE = 1024**3


def examined(server: Server) -> dict[str, Result]:
    return {result.check: result for result in examine("", CHECKS, server)}


def broken(found: dict[str, Result]) -> list[str]:
    return [check for check, result in found.items() if result.status is Status.BROKEN]


def test_nothing_is_wrong_with_a_database_that_works(database: str, db: DB, tmp_path: Path) -> None:
    found = examined(Server(database, db, "", tmp_path))
    assert {r.status for r in found.values()} == {Status.OK}, found
    assert found["database"].said.startswith("PostgreSQL 1")
    assert "embedded" in found["database"].said
    assert "are free at" in found["space"].said


def test_a_database_that_does_not_answer_stops_all_that_needs_it() -> None:
    failure = "the database does not let us in: connection refused"
    found = examined(Server("", None, failure, None))
    assert broken(found) == ["database"]
    assert found["database"].said == failure
    assert "ALPHAPULSE_POSTGRES_URL" in found["database"].mend
    others = [r.said for check, r in found.items() if check != "database"]
    assert others == ["because database failed"] * 4


def test_old_tables_say_how_they_become_new(database: str, db: DB) -> None:
    db.execute("UPDATE alphapulse.alembic_version SET version_num = '0001'")
    found = examined(Server(database, db, "", None))
    assert broken(found) == ["tables"]
    assert "of an older version" in found["tables"].said
    assert found["tables"].mend.startswith("run `alphapulse up` or `alphapulse sync`")
    assert found["reader"].said == "because tables failed"


def test_missing_and_newer_tables_are_told_apart(database: str, db: DB) -> None:
    server = Server(database, db, "", None)
    db.execute("UPDATE alphapulse.alembic_version SET version_num = '9999'")
    assert "newer version" in examined(server)["tables"].said
    db.execute("DROP SCHEMA alphapulse CASCADE")
    found = examined(server)
    assert found["tables"].status is Status.WARNING
    assert found["tables"].mend == "the first `alphapulse up` or `alphapulse sync` makes them"
    assert found["reader"].said == "because there are no tables yet"
    assert found["privileges"].status is Status.OK


@pytest.mark.parametrize("there", [True, False])
def test_a_user_who_may_not_make_tables_is_told_what_an_administrator_must_do(
    there: bool, database: str, db: DB, server: EmbeddedServer
) -> None:
    if not there:
        db.execute("DROP SCHEMA alphapulse CASCADE")
    db.execute("CREATE ROLE weak LOGIN")
    try:
        url = server.url(db.info.dbname, user="weak")
        with connect(url) as weak:
            found = examined(Server(url, weak, "", None))["privileges"]
            assert found.status is Status.BROKEN
            assert "weak may not make tables in schema alphapulse and schema public" in found.said
            said, _, statements = found.mend.partition(": ")
            assert said == "have an administrator run"
            db.execute(statements.encode())
            assert examined(Server(url, weak, "", None))["privileges"].status is Status.OK
    finally:
        db.execute("DROP OWNED BY weak")
        db.execute("DROP ROLE weak")


def test_a_reader_that_does_not_get_in_is_a_warning(
    database: str, db: DB, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("alphapulse_pipeline.warehouse.schema.READER", "nobody_of_that_name")
    found = examined(Server(database, db, "", None))
    assert broken(found) == []
    assert found["reader"].status is Status.WARNING
    assert "`alphapulse sql` does not work" in found["reader"].said
    assert "CREATEROLE" in found["reader"].mend


class Usage(NamedTuple):
    free: int


@pytest.mark.parametrize(
    ("free", "status"),
    [
        (GIGABYTE // 4, Status.BROKEN),
        (2 * GIGABYTE, Status.WARNING),
        (20 * GIGABYTE, Status.OK),
    ],
)
def test_a_disk_that_fills_up_is_told_in_time(
    free: int, status: Status, database: str, db: DB, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(free))
    found = examined(Server(database, db, "", Path("/data")))["space"]
    assert found.status is status
    assert "are free at /data" in found.said
    assert ("make room" in found.mend) is (status is not Status.OK)


def test_a_connection_that_is_cut_is_broken_and_no_traceback(database: str, db: DB) -> None:
    with connect(database) as cut:
        db.execute("SELECT pg_terminate_backend(%s)", [cut.info.backend_pid])
        found = examined(Server(database, cut, "", None))
    assert "the database fails: terminating connection" in found["privileges"].said
    assert "what its log says" in found["privileges"].mend
