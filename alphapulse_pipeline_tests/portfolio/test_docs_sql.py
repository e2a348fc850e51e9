"""Every query of docs/sql.md and of the Grafana dashboard answers, as the read-only role."""

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow, dict_row

from alphapulse_pipeline.warehouse import schema
from alphapulse_pipeline_tests.portfolio import example

DB = Connection[TupleRow]
ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs/sql.md").read_text()
QUESTIONS = re.findall(r"### (.+?)\n(?:(?!### ).)*?```sql\n(.+?)```", DOCUMENT, re.DOTALL)
DASHBOARD = json.loads((ROOT / "deploy/grafana/alphapulse.json").read_text())
PANELS = {panel["title"]: panel for panel in DASHBOARD["panels"]}


@pytest.fixture
def reader(held: DB, database: str) -> Iterator[DB]:
    schema.migrate(database)  # a database's own rights are not copied with it
    with schema.connect_as_reader(database) as connection:
        yield connection


def answer(reader: DB, query: str) -> list[dict[str, Any]]:
    with reader.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query.encode()).fetchall()


def asked(reader: DB, title: str) -> list[dict[str, Any]]:
    """What a panel shows of all the example's time."""
    [target] = PANELS[title]["targets"]
    first, last = example.NOW - timedelta(days=300), example.NOW + timedelta(days=1)
    query = re.sub(
        r"\$__timeFilter\((\w+)\)", rf"\1 BETWEEN '{first}' AND '{last}'", target["rawSql"]
    )
    query = re.sub(
        r"\$__timeGroup\((\w+), \$__interval\)",
        r"to_timestamp(floor(extract(epoch FROM \1) / 3600) * 3600)",
        query,
    )
    assert "$" not in query
    return answer(reader, query)


def test_there_are_ten_questions() -> None:
    assert len(QUESTIONS) == len(re.findall(r"```sql", DOCUMENT)) == 10


@pytest.mark.parametrize(("question", "query"), QUESTIONS)
def test_a_documented_question_is_answered(reader: DB, question: str, query: str) -> None:
    assert answer(reader, query), question


def test_the_answers_are_those_of_the_example(reader: DB) -> None:
    queries = dict(QUESTIONS)
    worth = answer(reader, queries["What am I worth, and how sure is that?"])
    assert [row["account"] for row in worth] == ["", "bybit", "kraken"]
    assert worth[0]["value"] == example.TOTAL
    assert worth[0]["uncertainty"] == example.TOTAL * Decimal("0.07")
    past = answer(reader, queries["What did I hold at a time in the past?"])
    assert {row["captured_at"] for row in past} == {
        example.FAILED_AT - example.DAY,
        example.FAILED_AT,
    }
    [missing] = answer(reader, queries["Is anything missing?"])
    assert (missing["account"], missing["error"]) == ("kraken", example.FAILURE)


@pytest.mark.parametrize("table", sorted(set(re.findall(r"`(portfolio\.\w+|\w+_\w+)`", DOCUMENT))))
def test_what_the_document_names_is_there(reader: DB, table: str) -> None:
    found = reader.execute(
        "SELECT to_regclass(%(name)s) IS NOT NULL"
        " OR to_regclass('portfolio.' || %(name)s) IS NOT NULL"
        " OR EXISTS (SELECT FROM information_schema.columns WHERE column_name = %(name)s)"
        " OR EXISTS (SELECT FROM pg_roles WHERE rolname = %(name)s)",
        {"name": table},
    ).fetchone()
    assert found == (True,)


@pytest.mark.parametrize("title", sorted(PANELS))
def test_a_panel_of_the_dashboard_is_answered(reader: DB, title: str) -> None:
    rows = asked(reader, title)
    assert rows or title == "Gaps"
    for row in rows:
        assert not any(isinstance(cell, Decimal) for cell in row.values())


def test_the_dashboard_shows_the_band_around_the_value(reader: DB) -> None:
    newest = asked(reader, "Value and its confidence")[-1]
    assert newest["low"] < newest["value"] < newest["high"]
    assert newest["carried"] == newest["value"] == float(example.TOTAL)


def test_every_panel_asks_the_data_source_that_was_chosen() -> None:
    [variable] = DASHBOARD["templating"]["list"]
    assert (variable["name"], variable["type"]) == ("datasource", "datasource")
    sources = [p["datasource"] for p in PANELS.values()]
    sources += [t["datasource"] for p in PANELS.values() for t in p["targets"]]
    assert {source["uid"] for source in sources} == {"${datasource}"}
    assert len(PANELS) == len({panel["id"] for panel in PANELS.values()})
