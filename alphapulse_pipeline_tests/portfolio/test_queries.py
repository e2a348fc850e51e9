"""Named queries in SQL files."""

import ast
import re
from pathlib import Path

import pytest

import alphapulse_pipeline
from alphapulse_pipeline.portfolio.queries import FOLDER, queries
from alphapulse_pipeline.warehouse.queries import Queries

LONGEST = 10
"""Lines of a statement in Python."""
STATEMENT = re.compile(r"\b(SELECT|INSERT INTO|DELETE FROM|UPDATE \S+ SET|CREATE (TABLE|VIEW))\b")


def test_a_query_is_an_attribute(tmp_path: Path) -> None:
    file = tmp_path / "some.sql"
    file.write_text("-- one --\n-- The first.\nSELECT 1;\n\n-- two --\n-- The second.\nSELECT 2;\n")
    found = Queries(file)
    assert (found.one, found.two) == (b"SELECT 1", b"SELECT 2")
    with pytest.raises(AttributeError, match=r"some\.sql has no query three, only one, two"):
        assert found.three


def test_two_queries_of_one_name_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "some.sql"
    file.write_text("-- one --\n-- The first.\nSELECT 1;\n" * 2)
    with pytest.raises(ValueError, match="has two queries of the same name"):
        Queries(file)


def test_every_query_that_python_names_exists_and_the_other_way_round() -> None:
    named: set[tuple[str, str]] = set()
    for path in FOLDER.parent.rglob("*.py"):
        text = path.read_text()
        for alias, file in re.findall(r'^(_\w+) = queries\("(\w+)"\)', text, re.MULTILINE):
            named |= {(file, name) for name in re.findall(rf"\b{alias}\.(\w+)", text)}
    stored = {
        (path.stem, name)
        for path in FOLDER.glob("*.sql")
        for name in re.findall(r"^-- (\w+) --$", path.read_text(), re.MULTILINE)
    }
    assert named == stored
    assert all(getattr(queries(file), name) for file, name in named)


def test_longer_statements_are_in_sql_files() -> None:
    package = Path(alphapulse_pipeline.__file__).parent
    for path in (*package.glob("portfolio/**/*.py"), *package.glob("warehouse/**/*.py")):
        nodes = list(ast.walk(ast.parse(path.read_text())))
        docstrings = [node.value for node in nodes if isinstance(node, ast.Expr)]
        for node in nodes:
            if node in docstrings:
                continue
            if isinstance(node, ast.JoinedStr):
                text = "".join(str(p.value) for p in node.values if isinstance(p, ast.Constant))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str | bytes):
                text = str(node.value)
            else:
                continue
            lines = (node.end_lineno or 0) - node.lineno + 1
            if STATEMENT.search(text):
                assert lines <= LONGEST, f"{path}, line {node.lineno}: {lines} lines of SQL"
