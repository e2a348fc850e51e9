"""The wheels, installed away from the repository, and what a production install leaves out.

Each wheel is put into a virtual environment that borrows this environment's libraries. A path of a
.pth file has its own .pth files ignored, so neither of our editable installs is visible there.
"""

import json
import os
import re
import shutil
import subprocess
import sysconfig
import tempfile
import tomllib
import venv
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zipfile import ZipFile

import psycopg
import pytest

import alphapulse_pipeline
import exchange_simulator
from alphapulse_pipeline.warehouse import schema
from alphapulse_pipeline.warehouse.connection import connect
from alphapulse_pipeline.warehouse.embedded import EmbeddedServer
from alphapulse_pipeline_tests.cli import running
from exchange_simulator import DEMO_KEY, DEMO_SECRET, World, serve

ROOT = Path(alphapulse_pipeline.__file__).parents[1]
PACKAGES = {
    "alphapulse_pipeline": Path(alphapulse_pipeline.__file__).parent,
    "exchange_simulator": Path(exchange_simulator.__file__).parent,
}
SETTINGS = {"alphapulse_pipeline/dagster.yaml", "alphapulse_pipeline/dg.toml"}
UV = os.environ.get("UV", "uv")  # `uv run` sets it

Install = Callable[..., Path]


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The wheel of each package."""
    folder = tmp_path_factory.mktemp("wheels")
    _uv("build", "--all-packages", "--wheel", "--out-dir", str(folder))
    return {path.name.partition("-")[0]: path for path in folder.glob("*.whl")}


@pytest.fixture(scope="module")
def install(
    wheels: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Path]:
    """Makes an environment with the packages named and gives the folder of its commands."""

    def install(*packages: str) -> Path:
        folder = tmp_path_factory.mktemp("environment")
        venv.create(folder, symlinks=True)
        paths = sysconfig.get_paths("venv", {"base": str(folder), "platbase": str(folder)})
        borrowed = Path(paths["purelib"]) / "borrowed.pth"
        borrowed.write_text(f"{sysconfig.get_path('purelib')}\n")
        python = Path(paths["scripts"]) / "python"
        chosen = [str(wheels[package]) for package in packages]
        _uv("pip", "install", "--offline", "--no-deps", "--python", str(python), *chosen)
        return python.parent

    return install


@pytest.fixture(scope="module")
def product(install: Install) -> Path:
    """The commands of an environment with the product alone."""
    return install("alphapulse_pipeline")


@pytest.fixture(scope="module")
def demo(install: Install) -> Path:
    """The commands of an environment with the product and the simulator."""
    return install("alphapulse_pipeline", "exchange_simulator")


@pytest.fixture
def home() -> Iterator[Path]:
    """A home with a short path: a unix socket's may have about a hundred characters."""
    with tempfile.TemporaryDirectory(prefix="ap") as folder:
        yield Path(folder) / "home"


@pytest.fixture
def empty(server: EmbeddedServer) -> Iterator[str]:
    """The URL of a database without tables."""
    url = schema.ensure_database(server.url("postgres"), "from_a_wheel")
    yield url
    with connect(server.url("postgres")) as connection:
        connection.execute("DROP DATABASE from_a_wheel WITH (FORCE)")


@pytest.mark.parametrize("package", PACKAGES)
def test_a_wheel_has_every_file_of_its_package_and_nothing_else(
    wheels: dict[str, Path], package: str
) -> None:
    folder = PACKAGES[package]
    expected = {
        str(path.relative_to(folder.parent))
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    found = {name for name in ZipFile(wheels[package]).namelist() if ".dist-info/" not in name}
    assert found == expected | (SETTINGS if package == "alphapulse_pipeline" else set())
    assert f"{package}/py.typed" in found


def test_the_product_syncs_into_its_users_own_database(
    product: Path, home: Path, empty: str
) -> None:
    began = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(2)
    with serve(World(genesis=began), limits=False) as exchange:
        environment = {
            "ALPHAPULSE_POSTGRES_URL": empty,
            "BYBIT_API_URL": exchange.url,
            "BYBIT_API_KEY": DEMO_KEY,
            "BYBIT_API_SECRET": DEMO_SECRET,
        }
        before = _run(product, home, environment, "status")
        assert (before.returncode, before.stdout) == (2, ""), before.stderr
        assert "alphapulse sync" in before.stderr

        datasets = ("--dataset", "balances", "--dataset", "trades")
        since = ("--since", f"{began:%Y-%m-%d}")
        done = _run(product, home, environment, "sync", *datasets, *since)
        assert done.returncode == 0, done.stderr

        status = _run(product, home, environment, "status")
        assert status.returncode == 0, status.stderr
        assert "bybit    trades" in status.stdout
    with psycopg.connect(empty) as connection:
        for table in ("balances", "trades"):
            query = f"SELECT 1 FROM alphapulse.{table} LIMIT 1"
            assert connection.execute(query.encode()).fetchall(), table


_USE = """
import json
import dagster as dg
from desk.definitions import defs

project = defs()
keys = [dg.AssetKey(["bybit", "balances"]), dg.AssetKey("stablecoins")]
job = project.resolve_implicit_global_asset_job_def()
with dg.DagsterInstance.ephemeral() as instance:
    assert job.execute_in_process(instance=instance, asset_selection=keys).success
balances, held = (project.load_asset_value(key) for key in keys)
usdt = balances.loc[balances["asset"] == "USDT", "total"].sum()
print(json.dumps([str(usdt), str(held["USDT"])]))
"""


@pytest.mark.nightly
def test_a_project_of_ones_own_scaffolds_an_account_and_uses_its_assets(
    product: Path, home: Path, empty: str, tmp_path: Path
) -> None:
    """The example has the layout that `create-dagster project` writes."""
    project = shutil.copytree(ROOT / "examples/own_project", tmp_path / "project")
    shutil.rmtree(project / "src/desk/defs/bybit")
    with serve(World(), limits=False) as exchange:
        environment = {
            **running.environment(home),
            "PATH": f"{product}:{os.environ['PATH']}",
            "PYTHONPATH": str(project / "src"),
            "DESK_FILES": str(tmp_path / "files"),
            "ALPHAPULSE_POSTGRES_URL": empty,
            "BYBIT_API_URL": exchange.url,
            "BYBIT_API_KEY": DEMO_KEY,
            "BYBIT_API_SECRET": DEMO_SECRET,
        }

        def run(*command: str) -> str:
            done = subprocess.run(
                [product / command[0], *command[1:]], cwd=project, env=environment,
                capture_output=True, text=True, timeout=120, check=False,
            )  # fmt: skip
            assert done.returncode == 0, done.stdout + done.stderr
            return done.stdout

        dg = ("python", "-m", "dagster_dg_cli.cli")
        component = "alphapulse_pipeline.components.ExchangeAccount"
        run(*dg, "scaffold", "defs", component, "bybit", "--exchange", "bybit")
        run(*dg, "check", "yaml")
        run(*dg, "check", "defs")
        run("alphapulse", "migrate")
        balance, held = json.loads(run("python", "-c", _USE).splitlines()[-1])
    assert balance == held
    with psycopg.connect(empty) as connection:
        query = "SELECT sum(total)::text FROM alphapulse.balances_latest WHERE asset = 'USDT'"
        assert connection.execute(query).fetchone() == (held,)


def test_the_product_alone_has_no_simulator(product: Path, home: Path) -> None:
    assert not (product / "exchange-simulator").exists()
    done = _run(product, home, {}, "simulator")
    assert done.returncode == 2
    assert "pip install exchange-simulator" in done.stderr


def test_both_wheels_sync_the_demo(demo: Path, home: Path) -> None:
    assert (demo / "exchange-simulator").is_file()
    done = _run(demo, home, {}, "sync", "--demo", "--dataset", "balances")
    assert done.returncode == 0, done.stderr


@pytest.mark.nightly
def test_both_wheels_bring_the_demo_up(
    demo: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "COMMAND", demo / "alphapulse")
    with running.deployment(home) as deployed:
        assert deployed.wait_for_rows("SELECT 1 FROM alphapulse.balances LIMIT 1")


def test_a_production_install_has_neither_simulator_nor_test_tools() -> None:
    """By the lock. A first user's install has the simulator too, for the demo."""
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
    tools = {re.split(r"[^\w.-]", requirement)[0] for requirement in groups["tools"]}
    production = _exported("--no-dev")
    assert _exported() == production | {"./simulator"}
    assert "dagster" in production
    # needed by both: httpx by dg, psutil by us
    assert tools & production <= {"httpx", "psutil"}
    assert "./simulator" not in production


def _run(
    commands: Path, home: Path, variables: dict[str, str], *arguments: str
) -> subprocess.CompletedProcess[str]:
    """`alphapulse <arguments>` of an environment, away from the repository."""
    return subprocess.run(
        [commands / "alphapulse", *arguments],
        env={**running.environment(home), **variables},
        cwd=home.parent,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def _exported(*arguments: str) -> set[str]:
    """The names that the lock has for an install."""
    lines = _uv("export", "--locked", "--offline", "--no-hashes", "--no-annotate", *arguments)
    return {re.split(r"[=; ]", line.removeprefix("-e "))[0] for line in lines.splitlines()}


def _uv(*arguments: str) -> str:
    done = subprocess.run([UV, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
