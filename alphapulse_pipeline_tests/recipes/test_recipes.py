"""CONTRIBUTING.md's recipes, followed to the letter on a copy of the project."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONTRIBUTING = ROOT / "CONTRIBUTING.md"
BLOCK = re.compile(r'^```(\w+) title="([^"]+)"\n(.*?)^```$', re.MULTILINE | re.DOTALL)
PACKAGES = ("alphapulse_pipeline", "alphapulse_pipeline_tests")

Check = Callable[[str], subprocess.CompletedProcess[str]]


def blocks(recipe: str) -> Iterator[tuple[str, str, str]]:
    """(language, file, text) of the recipe's code blocks."""
    text = CONTRIBUTING.read_text()
    _, _, rest = text.partition(f"\n### {recipe}\n")
    assert rest, f"CONTRIBUTING.md has no recipe {recipe!r}"
    section = re.split(r"^##+ ", rest, maxsplit=1, flags=re.MULTILINE)[0]
    for match in BLOCK.finditer(section):
        yield match.group(1), match.group(2), match.group(3)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the packages."""
    for name in PACKAGES:
        shutil.copytree(
            ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "images")
        )
    for name in ("pyproject.toml", "dagster.yaml"):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def follow(project: Path, recipe: str, *, leave_out: str = "") -> list[str]:
    """Create the recipe's files and add its lines; the product's files that it touched."""
    touched = []
    for language, name, text in blocks(recipe):
        if leave_out and leave_out in name:
            continue
        path = project / name
        if language == "diff":
            path.write_text(patched(path.read_text(), text))
        else:
            assert not path.exists(), f"{name} exists already"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        touched.append(name)
    return touched


def patched(text: str, diff: str) -> str:
    """Insert the `+` lines behind the line before them, which the file must have once."""
    lines = diff.splitlines()
    before = [line[1:] for line in lines if not line.startswith("+")]
    added = "".join(f"{line[1:]}\n" for line in lines if line.startswith("+"))
    place = "\n".join(before[: next(n for n, line in enumerate(lines) if line.startswith("+"))])
    assert text.count(f"{place}\n") == 1, f"not there once: {place}"
    return text.replace(f"{place}\n", f"{place}\n{added}")


def check(project: Path, name: str) -> subprocess.CompletedProcess[str]:
    """Run the tests in `<name>_check.py` on the copy."""
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "-o",
            "addopts=",
            f"alphapulse_pipeline_tests/recipes/{name}_check.py",
        ],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(project)},
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize(
    ("recipe", "name", "files"),
    [
        ("Add a dataset", "dataset", 4),
        ("Add a venue", "venue", 2),
        ("Add a derived table", "derived_table", 2),
    ],
)
def test_the_recipe_works(project: Path, recipe: str, name: str, files: int) -> None:
    touched = follow(project, recipe)
    assert len(touched) == len(set(touched)) == files
    done = check(project, name)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_history_without_its_effect_on_balances_is_refused(project: Path) -> None:
    follow(project, "Add a dataset", leave_out="movements")
    done = check(project, "dataset")
    assert done.returncode != 0
    words = "history interest has no file warehouse/sql/portfolio/movements/interest.sql"
    assert words in " ".join((done.stdout + done.stderr).split())
