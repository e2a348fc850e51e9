"""`alphapulse migrate`: what it does to a database, and what it says."""

import json
from collections.abc import Iterator

import pytest

from alphapulse_pipeline.cli import output
from alphapulse_pipeline.cli.migrate import migrate
from alphapulse_pipeline.settings.environment import POSTGRES_URL
from alphapulse_pipeline.warehouse import schema
from alphapulse_pipeline.warehouse.connection import connect
from alphapulse_pipeline.warehouse.embedded import EmbeddedServer


@pytest.fixture
def empty(server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of a database without tables, also in the environment."""
    url = schema.ensure_database(server.url("postgres"), "to_migrate")
    monkeypatch.setenv(POSTGRES_URL, url)
    output.stdout.cache_clear()
    yield url
    output.stdout.cache_clear()
    with connect(server.url("postgres")) as connection:
        connection.execute("DROP DATABASE to_migrate WITH (FORCE)")


def test_an_empty_database_an_outdated_one_and_a_current_one(
    empty: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def printed(*, as_json: bool) -> str:
        assert migrate(demo=False, as_json=as_json) == 0
        return capsys.readouterr().out

    created = json.loads(printed(as_json=True))
    assert created["database"] == "to_migrate"
    assert created["before"] is None
    assert created["migrations"][0] == "0001_tables"
    assert created["migrations"][-1].startswith(created["after"])
    assert "alphapulse.trades" in created["tables"]
    assert "portfolio.movements" in created["views"]
    with connect(empty) as connection:
        schema.require_current(connection)
        connection.execute("DROP TABLE alphapulse.conversions CASCADE")
        connection.execute("UPDATE alphapulse.repeatable SET checksum = ''")
    summary, *lines = printed(as_json=False).splitlines()
    assert summary.startswith(f"database to_migrate: schema {created['after']} -> ")
    assert lines[0] == "  table alphapulse.conversions"
    assert lines[1:] == [f"  view or function {name}" for name in created["views"]]
    after = created["after"]
    expected = f"database to_migrate: already at schema {after}, nothing to do\n"
    assert printed(as_json=False) == expected
    with connect(empty) as connection:
        connection.execute(
            "UPDATE alphapulse.repeatable SET checksum = '' WHERE name = 'portfolio.movements'"
        )
    again = json.loads(printed(as_json=True))
    assert again == {**created, "before": after, "migrations": [], "tables": [],
                     "views": ["portfolio.movements"]}  # fmt: skip
