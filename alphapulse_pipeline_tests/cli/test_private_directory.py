"""Whoever may enter a directory for sockets can start runs and read the API keys."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from alphapulse_pipeline.cli.private_directory import private_directory
from alphapulse_pipeline.settings.errors import SettingsError


@pytest.fixture
def nothing_masked() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.usefixtures("nothing_masked")
def test_a_new_one_is_its_owners_alone(tmp_path: Path) -> None:
    made = private_directory(tmp_path / "new")
    assert made.stat().st_mode & 0o777 == 0o700
    assert private_directory(made) == made


@pytest.mark.parametrize("mode", [0o750, 0o701, 0o777])
def test_one_that_others_may_enter_is_refused(mode: int, tmp_path: Path) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(mode)
    with pytest.raises(SettingsError, match=r"other users may enter .*; run `chmod 700"):
        private_directory(tmp_path / "open")


def test_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SettingsError, match="is not a directory of this user"):
        private_directory(tmp_path / "link")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")
def test_one_of_a_different_user_is_refused(tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir(mode=0o700)
    os.chown(tmp_path / "theirs", 65534, 65534)
    with pytest.raises(SettingsError, match="is not a directory of this user"):
        private_directory(tmp_path / "theirs")


def test_a_path_too_long_for_a_socket_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="set ALPHAPULSE_HOME to a shorter path"):
        private_directory(tmp_path / ("long" * 40))
