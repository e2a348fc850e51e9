"""Generated pages are up to date, links lead somewhere, and the site builds without a network."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline_tests.docs import cli_reference, tables_reference
from alphapulse_pipeline_tests.docs.markdown import ROOT

OUTSIDE_OF_THE_SITE = [*ROOT.glob("*.md"), *ROOT.glob("examples/*.md")]
_LINK = re.compile(r"\]\(([^)\s]+)\)|(?:src|srcset)=\"([^\"]+)\"")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_DENIED = re.compile(r"\b(mend|told|reckon|witness|unwitnessed|doubt)", re.IGNORECASE)


def test_the_commands_page_is_up_to_date() -> None:
    assert cli_reference.PAGE.read_text() == cli_reference.page(), (
        "write it again: uv run python -m alphapulse_pipeline_tests.docs.cli_reference"
    )


def test_the_tables_page_is_up_to_date(db: Connection[TupleRow]) -> None:
    assert tables_reference.PAGE.read_text() == tables_reference.page(db), (
        "write it again: uv run python -m alphapulse_pipeline_tests.docs.tables_reference"
    )


def test_the_site_builds(tmp_path: Path) -> None:
    """--strict makes a broken link, a missing anchor and a page outside of the menu an error."""
    mkdocs = Path(sys.executable).with_name("mkdocs")
    done = subprocess.run(
        [mkdocs, "build", "--strict", "--quiet", "--site-dir", tmp_path / "site"],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1", "https_proxy": "http://127.0.0.1:9"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "site" / "index.html").read_text()
    assert not re.findall(r"""(?:src|href)="https?://[^"]+\.(?:js|css|woff2?)\"""", page)


@pytest.mark.parametrize("page", OUTSIDE_OF_THE_SITE, ids=lambda page: page.name)
def test_a_link_leads_somewhere(page: Path) -> None:
    for link in (first or second for first, second in _LINK.findall(page.read_text())):
        if link.startswith(("http://", "https://")):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), f"{page.name}: {link}"
        if anchor:
            assert anchor in _anchors(target), f"{page.name}: {link}"


def _anchors(page: Path) -> set[str]:
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")
        for heading in _HEADING.findall(page.read_text())
    }


@pytest.mark.parametrize("page", [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")], ids=str)
def test_a_page_uses_our_terms(page: Path) -> None:
    assert not _DENIED.findall(page.read_text())
