"""CONTRIBUTING.md's recipes, followed to the letter on a copy of the project."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from alphapulse_pipeline_tests.docs.recipes import follow

ROOT = Path(__file__).parents[2]
PACKAGES = ("alphapulse_pipeline", "alphapulse_pipeline_tests")
RECIPES = {"Add a dataset": 4, "Add a venue": 2, "Add a derived table": 2}
"""And how many files each changes."""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the packages."""
    for name in PACKAGES:
        shutil.copytree(
            ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "images")
        )
    for name in ("pyproject.toml", "dagster.yaml", "dg.toml"):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def check(project: Path, *names: str) -> subprocess.CompletedProcess[str]:
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
            *(f"alphapulse_pipeline_tests/recipes/{name}_check.py" for name in names),
        ],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(project)},
        capture_output=True,
        text=True,
    )


def test_the_recipes_work(project: Path) -> None:
    """All on one copy: each changes files of its own, so none needs another."""
    touched = [file for recipe in RECIPES for file in follow(recipe, project)]
    assert len(touched) == len(set(touched)) == sum(RECIPES.values())
    done = check(project, "dataset", "venue", "derived_table")
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_history_without_its_effect_on_balances_is_refused(project: Path) -> None:
    follow("Add a dataset", project, leave_out="movements")
    done = check(project, "dataset")
    assert done.returncode != 0
    words = "history interest has no file warehouse/sql/portfolio/movements/interest.sql"
    assert words in " ".join((done.stdout + done.stderr).split())
