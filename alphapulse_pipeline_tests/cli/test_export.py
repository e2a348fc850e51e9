"""`alphapulse export`: every digit of every row, whole or not at all."""

import csv
import io
import json
import subprocess
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.settings.errors import SettingsError
from alphapulse_pipeline.warehouse import export, schema
from alphapulse_pipeline_tests.cli import running
from alphapulse_pipeline_tests.cli.holding import holding
from alphapulse_pipeline_tests.portfolio import example

DB = Connection[TupleRow]


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    with holding(full=True) as home:
        yield home


def exported(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return running.run_here(home, "export", "--demo", *arguments)


def test_a_table_is_csv_on_stdout(home: Path) -> None:
    done = running.run(home, "export", "--demo", "portfolio.holdings")
    assert done.returncode == 0, done.stderr
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert len(rows) == 7
    bitcoin = next(row for row in rows if row["asset"] == "BTC")
    assert bitcoin["amount"] == "0.4200000001"
    assert bitcoin["value"] == "26040.21000620005"


def test_a_table_of_the_search_path_and_a_query_are_taken_too(home: Path) -> None:
    assert len(exported(home, "trades").stdout.splitlines()) == 1 + 40
    done = exported(home, "SELECT count(*) AS n FROM trades; -- all of them")
    assert done.returncode == 1
    done = exported(home, "SELECT count(*) AS n FROM trades -- all of them")
    assert done.stdout == "n\n40\n", done.stderr


def test_parquet_has_exact_decimals_and_times(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "value.parquet"
    done = exported(home, "portfolio.value", "--out", str(file))
    assert done.returncode == 0, done.stderr
    assert f"wrote {file}" in done.stderr
    table = pq.read_table(file)
    assert table.schema.field("value").type == pa.decimal128(38, 18)
    assert table.schema.field("at").type == pa.timestamp("us", tz="UTC")
    assert table.schema.field("unpriced").type == pa.list_(pa.string())
    newest = max(
        (row for row in table.to_pylist() if not row["account"]), key=lambda row: row["at"]
    )
    assert newest["value"] == example.TOTAL
    assert newest["at"] == example.NOW


def test_a_second_export_says_that_it_overwrites(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "lots.csv"
    assert "wrote" in exported(home, "portfolio.lots", "--out", str(file)).stderr
    assert file.stat().st_mode & 0o777 == 0o600  # nobody else reads it
    assert "overwrote" in exported(home, "portfolio.lots", "--out", str(file)).stderr


@pytest.mark.parametrize(
    ("what", "file", "code", "words"),
    [
        ("portfolio.lots", "x.xlsx", 2, "unknown format; use the extension .csv or .parquet"),
        ("portfolio.lots", "nowhere/x.csv", 2, "name another file with --out"),
        ("portfolio.nothing", "x.csv", 1, '"portfolio.nothing" does not exist'),
        ("portfolio.nothing", "x.parquet", 1, '"portfolio.nothing" does not exist'),
        ("SELECT 1) TO PROGRAM 'id' --", "x.csv", 1, "syntax error"),
        ("DELETE FROM alphapulse.trades RETURNING 1", "x.csv", 1, "syntax error"),
        ("DELETE FROM alphapulse.trades RETURNING 1", "x.parquet", 1, "syntax error"),
        ("SELECT rolpassword FROM pg_authid", "x.csv", 1, "permission denied"),
    ],
)
def test_a_failed_export_has_a_message_and_leaves_an_existing_file(
    home: Path, tmp_path: Path, what: str, file: str, code: int, words: str
) -> None:
    out = tmp_path / file
    if out.parent.exists():
        out.write_text("before")
    done = exported(home, what, "--out", str(out))
    assert (done.returncode, words in done.stderr) == (code, True), done.stderr
    assert "Traceback" not in done.stderr
    assert not out.exists() or out.read_text() == "before"
    assert not list(tmp_path.glob("*.part"))


def test_the_reader_may_stop_early(home: Path) -> None:
    rows = "SELECT generate_series(1, 1000000)"
    with subprocess.Popen(
        [running.COMMAND, "export", "--demo", rows],
        env=running.environment(home),
        cwd=home.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        assert process.stderr
        assert process.stdout.readline() == "generate_series\n"
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(60) == 0


@pytest.fixture
def reader(db: DB, database: str) -> Iterator[DB]:
    schema.migrate(database)
    with schema.connect_as_reader(database) as connection:
        yield connection


def written(reader: DB, query: str, path: Path) -> tuple[Mapping[str, int], Any]:
    misfits = export.to_parquet(reader, query, path)
    return misfits, pq.read_table(path)


def test_numbers_that_do_not_fit_are_exact_in_a_column_of_their_own(
    reader: DB, tmp_path: Path
) -> None:
    misfits, table = written(
        reader,
        "SELECT 'NaN'::numeric AS odd, 1e20::numeric AS large, 1.5 AS plain, NULL::numeric AS none,"
        " 0.0000000000000000015::numeric AS small, 2.5::numeric(9, 3) AS declared"
        " UNION ALL SELECT 1, 2, 3, 4, 5, 6",
        tmp_path / "x.parquet",
    )
    assert misfits == {"odd": 1, "large": 1, "small": 1}
    first, second = table.to_pylist()
    assert json.loads(first.pop("exact_values")) == {
        "odd": "NaN",
        "large": "1" + "0" * 20,
        "small": "0.0000000000000000015",
    }
    assert first == {
        "odd": None,
        "large": None,
        "plain": Decimal("1.5"),
        "none": None,
        "small": Decimal("0.000000000000000002"),  # half to even
        "declared": Decimal("2.5"),
    }
    assert second["exact_values"] is None


def test_the_schema_follows_from_the_columns_and_not_from_the_rows(
    reader: DB, tmp_path: Path
) -> None:
    query = "SELECT * FROM (VALUES (1.5), (0.1234567890123456789), ('NaN')) AS v (n) WHERE n"
    schemas = [
        written(reader, f"{query} {which}", tmp_path / "x.parquet")[1].schema
        for which in ("= 1.5", "< 1", "= 'NaN'", "< 0")
    ]
    assert schemas[1:] == schemas[:-1]
    with pytest.raises(SettingsError, match="exact_values"):
        export.to_parquet(reader, "SELECT 1 AS exact_values", tmp_path / "y.parquet")


def test_json_ranges_and_the_ends_of_time_come_through(reader: DB, tmp_path: Path) -> None:
    _, table = written(
        reader,
        """SELECT '{"a": 1.10}'::jsonb AS raw, '[1,5)'::int4range AS range, true AS yes,
        '-infinity'::timestamptz AS at, timestamptz '2026-01-02 03:04:05.000006Z' AS then""",
        tmp_path / "x.parquet",
    )
    assert table.to_pylist() == [
        {
            "raw": '{"a": 1.10}',
            "range": "[1,5)",
            "yes": True,
            "at": datetime.min.replace(tzinfo=UTC),
            "then": datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC),
        }
    ]


def test_many_rows_are_streamed_and_an_empty_table_has_its_columns(
    reader: DB, tmp_path: Path
) -> None:
    _, table = written(reader, "SELECT generate_series(1, 25001) AS n", tmp_path / "x.parquet")
    assert table["n"].to_pylist() == list(range(1, 25002))
    _, table = written(reader, "trades".join(("SELECT * FROM ", "")), tmp_path / "y.parquet")
    assert table.num_rows == 0
    assert "price" in table.schema.names


def test_every_number_comes_back_as_it_was(reader: DB, tmp_path: Path) -> None:
    numbers = st.decimals(allow_nan=False, allow_infinity=False, places=None).filter(
        lambda number: abs(number.adjusted()) < 60
    )

    @settings(max_examples=60, deadline=None)
    @given(st.lists(numbers, min_size=1, max_size=5))
    def round_trip(given: list[Decimal]) -> None:
        rows = ", ".join(f"({n}, {value:f}::numeric)" for n, value in enumerate(given))
        query = f"SELECT value FROM (VALUES {rows}) AS v (n, value) ORDER BY n"
        _, table = written(reader, query, tmp_path / "x.parquet")
        found = [
            Decimal(json.loads(exact)["value"]) if exact else value
            for value, exact in zip(table["value"].to_pylist(), table["exact_values"].to_pylist(),
                                    strict=True)
        ]  # fmt: skip
        assert found == given

    round_trip()
