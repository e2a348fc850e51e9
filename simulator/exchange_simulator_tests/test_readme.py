"""The commands and programs of the README work."""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from exchange_simulator import EXCHANGES

README = (Path(__file__).parent.parent / "README.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
ADDRESS = "http://127.0.0.1:8900"
MAIN = "import sys; from exchange_simulator.command import main; sys.exit(main())"
COMMANDS = [line for kind, text in BLOCKS if kind == "console" for line in text.splitlines()]
STARTS = [line for line in COMMANDS if line.startswith("exchange-simulator ")]
PROGRAMS = [text for kind, text in BLOCKS if kind == "python"]

Server = tuple[str, Callable[[], str]]
"""Its address, and a function that stops it and returns what it has written to stderr."""


@contextmanager
def started(command: str) -> Iterator[Server]:
    """The server of a README's command, on a free port."""
    words = command.replace("--port 8900", "--port 0").split()
    process = subprocess.Popen(
        [sys.executable, "-c", MAIN, *words[1:]],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )

    def stop() -> str:
        process.terminate()
        return process.communicate(timeout=60)[1]

    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip(), stop
    finally:
        process.kill()
        process.communicate()


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with started(STARTS[0]) as (address, _):
        # simulates the past of every account, so that no client runs into its timeout
        for exchange in EXCHANGES:
            httpx.get(f"{address}/__truth?exchange={exchange}", timeout=120)
        yield address


def run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("command", STARTS)
def test_the_command_starts_a_server(command: str) -> None:
    with started(command) as (address, _):
        assert address.startswith("http://127.0.0.1:")


def test_the_exports_are_those_that_the_command_prints() -> None:
    (exports,) = (text for kind, text in BLOCKS if "_API_URL=" in text)
    with started(STARTS[0]) as (address, stop):
        httpx.get(f"{address}/v5/market/time")  # answers only after everything is printed
        printed = stop()
    for line in exports.splitlines():
        assert line.replace(ADDRESS, address) in printed


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("command", [c for c in COMMANDS if c not in STARTS])
def test_a_control_endpoint_answers(command: str, url: str) -> None:
    answer = run("bash", "-c", command.replace(ADDRESS, url))
    assert answer.startswith(("{", "["))
    assert '"error"' not in answer


@pytest.mark.parametrize("program", PROGRAMS, ids=["ccxt", "pybit", "serve", "traffic"])
def test_a_program_prints_what_it_has_read(program: str, url: str) -> None:
    assert run(sys.executable, "-c", program.replace(ADDRESS, url)).strip()


def test_files_of_the_instructions_exist() -> None:
    root = Path(__file__).parent.parent
    named = re.findall(r"`(exchange_simulator\w*/[\w/.]*)`", README)
    assert named
    assert [name for name in named if not (root / name).exists()] == []
