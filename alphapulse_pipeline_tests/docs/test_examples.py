"""The examples, and the files that the documents show, are what the project reads."""

import ast
import importlib.util
import pickle
import shutil
from decimal import Decimal
from pathlib import Path

import dagster as dg
import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.settings.accounts import read_account
from alphapulse_pipeline_tests.docs.markdown import ROOT, fences, pages
from alphapulse_pipeline_tests.docs.recipes import follow
from alphapulse_pipeline_tests.portfolio import example

ACCOUNTS = sorted((ROOT / "examples/accounts").glob("*/defs.yaml"))
RECIPES = ("Add a dataset", "Add a venue", "Add a derived table")


@pytest.mark.parametrize("path", ACCOUNTS, ids=lambda path: path.parent.name)
def test_an_account_is_read(path: Path) -> None:
    account = read_account(path)
    assert account is not None
    assert account.settings.exchange == account.name


def test_there_is_an_account_of_each_venue() -> None:
    assert [path.parent.name for path in ACCOUNTS] == ["binance", "bybit", "kraken", "okx"]


def test_every_account_that_a_page_shows_is_read(tmp_path: Path) -> None:
    shown = [
        fence
        for page in pages()
        for fence in fences(page)
        if fence.language == "yaml" and "ExchangeAccount" in fence.body
    ]
    assert len(shown) >= 3
    for number, fence in enumerate(shown):
        path = tmp_path / f"account_{number}" / "defs.yaml"
        path.parent.mkdir()
        path.write_text(fence.body)
        assert read_account(path) is not None, fence


def test_the_custom_asset_is_downstream_of_trades(db: Connection[TupleRow], tmp_path: Path) -> None:
    example.fill(db)
    folder = shutil.copytree(ROOT / "examples/daily_volume", tmp_path / "daily_volume")
    spec = importlib.util.spec_from_file_location("daily_volume", folder / "daily_volume.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    defs = dg.Definitions(assets=[module.daily_volume], sensors=[module.analytics_refresh])
    [node] = [n for n in defs.resolve_asset_graph().asset_nodes if n.is_materializable]
    assert node.parent_keys == {dg.AssetKey(["bybit", "trades"])}
    for _ in range(2):
        assert dg.materialize([module.daily_volume]).success
    rows = db.execute("SELECT sum(fills) FROM analytics.daily_volume").fetchone()
    assert rows == (40,)


def test_a_project_of_ones_own_has_its_own_asset_downstream_of_ours(
    db: Connection[TupleRow], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    example.fill(db)
    folder = shutil.copytree(ROOT / "examples/own_project", tmp_path / "project")
    monkeypatch.syspath_prepend(str(folder / "src"))
    monkeypatch.setenv("DESK_FILES", str(tmp_path / "files"))
    defs = dg.load_from_defs_folder(path_within_project=folder)
    assert {sensor.name for sensor in defs.sensors or ()} == {
        "portfolio_refresh",
        "run_failure_alerts",
        "check_failure_alerts",
    }
    with dg.DagsterInstance.ephemeral() as instance:
        job = defs.resolve_implicit_global_asset_job_def()
        key = dg.AssetKey("stablecoins")
        assert job.execute_in_process(instance=instance, asset_selection=[key]).success
    expected = {"USDT": Decimal("9120.55")}
    assert defs.load_asset_value(key) == expected
    with (tmp_path / "files" / "stablecoins").open("rb") as stored:
        assert pickle.load(stored) == expected  # noqa: S301  our own


@pytest.mark.parametrize("heading", RECIPES)
def test_a_recipe_can_be_followed(heading: str, tmp_path: Path) -> None:
    """Every block finds its place, and leaves Python that parses."""
    shutil.copytree(ROOT / "alphapulse_pipeline", tmp_path / "alphapulse_pipeline")
    files = follow(heading, tmp_path)
    assert len(files) == len(set(files)) >= 2
    for file in files:
        if file.endswith(".py"):
            ast.parse((tmp_path / file).read_text())
