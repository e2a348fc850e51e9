"""`alphapulse sql`: one query that reads, and a sentence for everything else."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from alphapulse_pipeline.warehouse import schema
from alphapulse_pipeline.warehouse.embedded import embedded_server
from alphapulse_pipeline_tests.cli.running import run, run_here


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="ap") as folder:
        home = Path(folder) / "home"
        with embedded_server(home) as server:
            url = schema.ensure_database(server.url("postgres"), "alphapulse_demo")
            schema.migrate(url)
            yield home


@pytest.mark.parametrize(
    ("query", "code", "words"),
    [
        ("SELECT 1; DROP TABLE alphapulse.trades", 1, "cannot insert multiple commands"),
        ("RESET ROLE; SELECT 1", 1, "cannot insert multiple commands"),
        ("SET ROLE postgres", 1, "permission denied"),
        ("COPY trades TO STDOUT", 1, "COPY"),
        ("COPY (SELECT 1) TO PROGRAM 'id'", 1, "permission denied"),
        ("DELETE FROM trades", 1, "read-only transaction"),
        ("SELECT timestamptz '-infinity' AS at", 0, "-infinity"),
        ("SELECT '%s' || '%(a)s' || '{}' AS text", 0, "%s%(a)s{}"),
        ("SELECT '\udcff'", 2, "the query is not UTF-8 text"),
        ("", 2, "the query returns no result"),
    ],
)
def test_one_query_that_reads(home: Path, query: str, code: int, words: str) -> None:
    done = run_here(home, "sql", "--demo", query)
    assert done.returncode == code, done.stderr
    assert words in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    for path in (home, *home.rglob("*")):
        assert path.is_symlink() or not path.stat().st_mode & 0o022, path


def test_csv_has_no_formulas(home: Path) -> None:
    query = "SELECT '=1' AS text, -0.10 AS number, '-infinity'::timestamptz AS at"
    done = run(home, "sql", "--demo", query, "--csv")
    assert done.stdout == "text,number,at\n'=1,-0.10,-infinity\n", done.stderr
