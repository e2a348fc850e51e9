"""Imports point one way; a room may use any room below it."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import alphapulse_pipeline

PACKAGE = Path(alphapulse_pipeline.__file__).parent
LEVELS = {
    "cli": 6,
    "definitions": 5,
    "defs": 5,
    "components": 4,
    "sync": 3,
    "portfolio": 3,
    "health": 3,
    "exchange": 2,
    "warehouse": 2,
    "settings": 1,
    "datasets": 0,
}
MAY_IMPORT_DAGSTER = ("cli/", "definitions.py", "defs/", "components/", "warehouse/io_manager.py")


def imports() -> Iterator[tuple[Path, str]]:
    """(file, module imported), inside functions too."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                yield from ((path, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{path}: imports are absolute"
                yield path, node.module or ""


def room(path: Path) -> str:
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


def test_every_room_is_known() -> None:
    rooms = {room(path) for path in PACKAGE.rglob("*.py")} - {"__init__"}
    assert rooms <= LEVELS.keys()


def test_rooms_import_downwards_only() -> None:
    wrong = []
    for path, module in imports():
        parts = module.split(".")
        if parts[0] == "exchange_simulator" and room(path) != "cli":
            wrong.append(f"{path}: only cli starts the simulator")
        if parts[0] != PACKAGE.name or len(parts) < 2:
            continue
        here, there = room(path), parts[1]
        if here == there or here == "__init__":
            continue
        if LEVELS[there] >= LEVELS[here] and (here, there) != ("definitions", "defs"):
            wrong.append(f"{path}: {here} must not import {there}")
    assert wrong == []


def test_the_simulator_imports_nothing_of_the_product() -> None:
    found = [
        path
        for path in (PACKAGE.parent / "simulator").rglob("*.py")
        if PACKAGE.name in path.read_text()
    ]
    assert found == []


@pytest.mark.parametrize(
    ("library", "rooms"),
    [
        ("dagster", MAY_IMPORT_DAGSTER),
        ("dagster_graphql", MAY_IMPORT_DAGSTER),
        ("dagster_postgres", MAY_IMPORT_DAGSTER),
        ("ccxt", ("exchange/",)),
        ("psycopg", ("warehouse/", "sync/", "portfolio/", "health/", "cli/", "components/")),
        # how Dagster connects
        ("sqlalchemy", ("warehouse/", "components/run_events.py", "cli/web.py")),
    ],
)
def test_libraries_stay_in_their_rooms(library: str, rooms: tuple[str, ...]) -> None:
    wrong = [
        f"{path}: {module}"
        for path, module in imports()
        if module.split(".")[0] == library and not str(path.relative_to(PACKAGE)).startswith(rooms)
    ]
    assert wrong == []


def test_loading_the_definitions_needs_no_network_database_or_slow_library() -> None:
    """No connection is made, and no large library is imported."""
    program = (
        "import socket, sys\n"
        "def refuse(*_): raise AssertionError('a connection at import')\n"
        "socket.socket.connect = refuse\n"
        "import psycopg\n"
        "psycopg.connect = refuse\n"
        "from alphapulse_pipeline.definitions import defs\n"
        "loaded = defs().resolve_all_asset_specs()\n"
        "assert len(loaded) >= 5, loaded\n"
        "slow = {'pandas', 'pyarrow', 'vl_convert', 'alembic', 'aiohttp',"
        " 'ccxt.async_support.bybit'} & set(sys.modules)\n"
        "assert not slow, slow\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
