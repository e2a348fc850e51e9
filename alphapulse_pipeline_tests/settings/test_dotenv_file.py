"""Changes to `.env` leave all other lines alone, and nobody else can read the file."""

import stat
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alphapulse_pipeline.settings import dotenv_file
from alphapulse_pipeline.settings.environment import lookup

BEFORE = """\
# my keys
export MAIN_API_KEY=one # old
MAIN_API_SECRET='two
lines'
OTHER_API_KEY = "three"
unrelated"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / ".env"
    path.write_text(BEFORE)
    path.chmod(0o644)
    return path


def test_variables_are_added_at_the_end(file: Path) -> None:
    dotenv_file.add({"NEW_API_KEY": "k", "NEW_API_SECRET": "it's a \\ #secret"})
    assert file.read_text().startswith(f"{BEFORE}\nNEW_API_KEY=k\n")
    assert lookup("NEW_API_SECRET") == "it's a \\ #secret"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in file.parent.iterdir()] == [".env"]


def test_variables_are_renamed_in_place(file: Path) -> None:
    with dotenv_file.renamed({"MAIN_API_KEY": "NEW_API_KEY", "MAIN_API_SECRET": "NEW_API_SECRET"}):
        pass
    assert file.read_text() == BEFORE.replace("MAIN_", "NEW_")


def test_a_failure_renames_them_back(file: Path) -> None:
    renamed = dotenv_file.renamed({"MAIN_API_KEY": "NEW_API_KEY"})
    with suppress(KeyError), renamed:
        assert lookup("NEW_API_KEY") == "one"
        raise KeyError
    assert file.read_text() == BEFORE


def test_removed_variables_are_named(file: Path) -> None:
    names = ("MAIN_API_KEY", "MAIN_API_SECRET", "MAIN_API_URL")
    assert dotenv_file.remove(names) == ["MAIN_API_KEY", "MAIN_API_SECRET"]
    assert file.read_text() == '# my keys\nOTHER_API_KEY = "three"\nunrelated'


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(st.text(st.characters(codec="utf-8", exclude_characters="\0\r\n"), min_size=1))
def test_what_is_written_is_read(file: Path, secret: str) -> None:
    file.write_text("")
    dotenv_file.add({"NEW_API_SECRET": secret})
    assert lookup("NEW_API_SECRET") == secret
