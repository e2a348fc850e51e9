"""What builds run is fixed by content: actions by their commit, uv by the hashes of its wheels."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
REQUIREMENTS = ".ci/requirements.txt"
BUILDS = [".ci/run", *(str(p.relative_to(ROOT)) for p in ROOT.glob(".github/workflows/*.yml"))]


@pytest.mark.parametrize("build", BUILDS)
def test_an_action_is_pinned_by_its_commit_and_names_its_version(build: str) -> None:
    for action in re.findall(r"\buses: *(.+)", (ROOT / build).read_text()):
        assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action), action


@pytest.mark.parametrize("build", BUILDS)
def test_every_build_installs_the_same_uv(build: str) -> None:
    text = (ROOT / build).read_text()
    for command in re.findall(r".*\bpipx?\b.*\binstall\b.*", text):
        assert f"-r {REQUIREMENTS}" in command
    assert "setup-uv" not in text


def test_the_uv_of_builds_is_pinned_by_its_hashes() -> None:
    lines = (ROOT / REQUIREMENTS).read_text().splitlines()
    uv, *hashes = (line.strip() for line in lines if not line.startswith("#"))
    assert re.fullmatch(r"uv==\d+\.\d+\.\d+ \\", uv)
    assert all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}( \\)?", line) for line in hashes)
    assert hashes
