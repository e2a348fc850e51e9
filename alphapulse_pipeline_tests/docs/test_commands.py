"""Every command and query of the documents runs, or says why it does not."""

import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from alphapulse_pipeline.warehouse import schema
from alphapulse_pipeline_tests.docs import cli_reference
from alphapulse_pipeline_tests.docs.conftest import Deployment
from alphapulse_pipeline_tests.docs.markdown import ROOT, Fence, fences, pages

ALL = {page: list(fences(page)) for page in pages()}
COMMANDS = {
    str(page.relative_to(ROOT)): found
    for page in ALL
    if (found := [f for f in ALL[page] if f.language == "console" and not f.not_run])
}
QUERIES = [f for found in ALL.values() for f in found if f.language == "sql" and not f.not_run]
EXAMPLES = sorted((ROOT / "examples/queries").glob("*.sql"))
FILES = {"transfers.csv"}
"""Titled blocks that are files of the working directory, which commands use."""


def _alphapulse_commands() -> Iterator[tuple[str, ...]]:
    lines = (
        line
        for found in ALL.values()
        for fence in found
        if fence.language == "console"
        for line in fence.body.splitlines()
        if line.startswith(("uv run alphapulse ", "pip install uv && uv run alphapulse "))
    )
    for line in lines:
        for command in line.split("&&"):
            words = shlex.split(command, comments=True)
            words = words[2:] if words[:2] == ["uv", "run"] else words
            if words[:1] == ["alphapulse"]:
                yield tuple(words)


@pytest.mark.parametrize("page", COMMANDS)
def test_the_commands_of_a_page_run(deployed: Deployment, page: str) -> None:
    """In one shell, in their order, so that a block may use variables of an earlier one."""
    for fence in ALL[ROOT / page]:
        if fence.title in FILES:
            (deployed.directory / fence.title).write_text(fence.body)
    script = "".join(f"echo '== {fence}' >&2\n{fence.body}" for fence in COMMANDS[page])
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=deployed.directory,
        env=deployed.environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, f"{done.stderr[-3000:]}\n{done.stdout[-1000:]}"
    deployed.migrate()


@pytest.mark.parametrize("query", QUERIES, ids=str)
def test_a_query_is_answered(deployed: Deployment, query: Fence) -> None:
    if query.title:
        pytest.skip("a file of a recipe")
    if query.run_as == "as administrator":
        with psycopg.connect(deployed.url, autocommit=True) as connection:
            for statement in _statements(query.body):
                connection.execute(statement.encode())
        return
    with schema.connect_as_reader(deployed.url) as connection:
        assert connection.execute(query.body.encode()).description


@pytest.mark.parametrize(
    "path", sorted((ROOT / "examples/queries").glob("*.sql")), ids=lambda path: path.stem
)
def test_an_example_query_is_answered(deployed: Deployment, path: Path) -> None:
    with schema.connect_as_reader(deployed.url) as connection:
        assert connection.execute(path.read_bytes()).description


@pytest.mark.parametrize("words", sorted(set(_alphapulse_commands())), ids=" ".join)
def test_a_command_and_its_options_exist(words: tuple[str, ...]) -> None:
    """Those too that are not run."""
    known = cli_reference.commands()
    depth = 2 if " ".join(words[:2]) in known else 3
    command = known[" ".join(words[:depth])]
    options = {name for parameter in command.params for name in getattr(parameter, "opts", ())}
    for word in words[depth:]:
        if word.startswith("--"):
            assert word.partition("=")[0] in options | {"--help"}


def test_what_is_not_run_says_why() -> None:
    reasons = [fence.not_run for found in ALL.values() for fence in found if fence.not_run]
    assert reasons
    assert all(len(reason.split()) > 1 for reason in reasons)


def test_no_block_with_a_command_has_a_different_language() -> None:
    """A command in a block of a different language would not be run."""
    for found in ALL.values():
        for fence in found:
            if fence.language in ("", "text", "bash", "sh", "shell"):
                assert not fence.body.startswith(("uv run alphapulse", "alphapulse ")), fence


def test_the_tests_have_run_what_the_documents_name() -> None:
    assert "README.md" in COMMANDS
    assert "docs/tutorial.md" in COMMANDS
    assert "docs/how-to/back-up-and-restore.md" in COMMANDS
    assert len(QUERIES) > 10


def _statements(text: str) -> list[str]:
    """CREATE DATABASE is refused inside of the transaction that several statements are."""
    return [text] if "$$" in text else [part for part in text.split(";") if part.strip()]
