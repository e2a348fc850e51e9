"""The browser of the tests: Debian's Chromium, without its background traffic."""

import os
import shutil

import pytest

FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def executable() -> str:
    """Its path. Where there is none, the test is skipped; in CI it fails."""
    names = ("chromium", "chromium-browser", "google-chrome")
    if found := next(filter(None, map(shutil.which, names)), None):
        return found
    if os.environ.get("CI"):
        pytest.fail("CI must have a Chromium: apt-get install chromium")
    pytest.skip("there is no Chromium here")
