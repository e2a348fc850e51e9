"""What an account's file becomes in Dagster: the names that everything else relies on."""

from datetime import UTC, date, datetime, timedelta
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from pydantic import BaseModel, ValidationError

from alphapulse_pipeline.components import ExchangeAccount, Portfolio, SharedDefinitions
from alphapulse_pipeline.components.exchange_account import account_definitions
from alphapulse_pipeline.components.portfolio import portfolio_definitions
from alphapulse_pipeline.components.postgres import IO_MANAGER
from alphapulse_pipeline.components.scaffolder import AccountScaffolder
from alphapulse_pipeline.components.settings_component import SettingsComponent
from alphapulse_pipeline.components.shared_definitions import shared_definitions
from alphapulse_pipeline.components.snapshots import allowed_age
from alphapulse_pipeline.definitions import defs
from alphapulse_pipeline.settings.accounts import Account, read_account
from alphapulse_pipeline.settings.accounts import AccountSettings as Settings
from alphapulse_pipeline.settings.component_file import ACCOUNT, SHARED
from alphapulse_pipeline.settings.errors import SettingsError
from alphapulse_pipeline.settings.portfolio import PortfolioSettings
from alphapulse_pipeline.settings.project import PROJECT
from alphapulse_pipeline.settings.shared import SharedSettings
from alphapulse_pipeline_tests.bybit_datasets import DATASETS, HISTORIES, SNAPSHOTS


def account(**more: object) -> Account:
    given = {"exchange": "bybit", "history_start": date(2026, 9, 1), **more}
    return Account("main", Settings.model_validate(given))


@pytest.fixture(scope="module")
def repository() -> dg.RepositoryDefinition:
    return account_definitions(account()).get_repository_def()


def specs(definitions: dg.Definitions) -> dict[str, dg.AssetSpec]:
    return {spec.key.to_user_string(): spec for spec in definitions.resolve_all_asset_specs()}


def test_the_deployed_definitions_load_without_a_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ALPHAPULSE_POSTGRES_URL", raising=False)
    loaded = defs()
    dg.Definitions.validate_loadable(loaded)
    assert {f"bybit/{dataset}" for dataset in DATASETS} <= set(specs(loaded))


@pytest.mark.parametrize(
    ("component", "settings"),
    [
        (ExchangeAccount, Settings),
        (Portfolio, PortfolioSettings),
        (SharedDefinitions, SharedSettings),
    ],
)
def test_the_yaml_schema_is_that_of_the_settings(
    component: type[SettingsComponent], settings: type[BaseModel]
) -> None:
    fields = component.model().model_json_schema()["properties"]
    assert {name: field["description"] for name, field in fields.items()} == {
        name: field.description for name, field in settings.model_fields.items()
    }


def test_a_component_refuses_what_its_settings_refuse() -> None:
    good = "exchange: bybit\nhistory_start: 2026-01-01\n"
    found = ExchangeAccount.resolve_from_yaml(good + "options: {recvWindow: 6}\n")
    assert found.history_start == date(2026, 1, 1)
    assert found.options == {"recvWindow": 6}
    with pytest.raises(ValidationError, match=r"snapshot_corn at <string>:3"):
        ExchangeAccount.resolve_from_yaml(good + "snapshot_corn: x\n")
    with pytest.raises(ValidationError, match="ccxt has no exchange 'byybit'; did you mean"):
        ExchangeAccount.resolve_from_yaml(good.replace("bybit", "byybit"))


def test_assets() -> None:
    found = specs(account_definitions(account()))
    assert set(found) == {f"main/{dataset}" for dataset in DATASETS}
    for dataset in DATASETS:
        spec = found[f"main/{dataset}"]
        assert spec.group_name == "main"
        assert spec.kinds == {"bybit", "postgres"}
        assert spec.owners == ["team:alphapulse"]
        assert spec.metadata["dagster/table_name"] == f"alphapulse.{dataset}"
        columns = spec.metadata["dagster/column_schema"].columns
        assert [c.name for c in columns] == [c.name for c in DATASETS[dataset].columns]
        types = {c.name: c.type for c in columns}
        assert all(
            types[n] == "numeric" for n in ("price", "amount", "total", "last") if n in types
        )
        assert spec.freshness_policy is not None
        if dataset in HISTORIES:
            days = spec.partitions_def
            assert isinstance(days, dg.DailyPartitionsDefinition)
            assert days.get_first_partition_key() == "2026-09-01"
            assert days.get_last_partition_key() == f"{datetime.now(UTC):%Y-%m-%d}"
        else:
            assert spec.partitions_def is None
    deps = {dep.asset_key.to_user_string() for dep in found["main/prices"].deps}
    assert deps == {"main/balances", "main/positions"}
    deps = {dep.asset_key.to_user_string() for dep in found["main/books"].deps}
    assert deps == {"main/balances", "main/positions", "main/prices"}


def test_a_choice_of_datasets() -> None:
    definitions = account_definitions(account(datasets=["trades"]))
    assert set(specs(definitions)) == {"main/trades"}
    schedules = {schedule.name for schedule in definitions.schedules or ()}
    assert schedules == {"main_history", "main_catch_up"}


def test_jobs_schedules_and_pools(repository: dg.RepositoryDefinition) -> None:
    snapshots, histories = set(SNAPSHOTS), set(HISTORIES)
    kinds = {
        "main_snapshot": snapshots,
        "main_history": histories,
        "main_catch_up": histories,
    }
    for name, datasets in kinds.items():
        job = repository.get_job(name)
        assert job.tags["alphapulse/account"] == "main"
        assert {key.path[-1] for key in job.asset_layer.executable_asset_keys} == datasets
        pools = {pool for node in job.nodes for pool in node.definition.pools}
        assert pools == {"main"}
    crons = {s.name: (s.cron_schedule, s.default_status) for s in repository.schedule_defs}
    running = dg.DefaultScheduleStatus.RUNNING
    assert crons == {
        "main_snapshot": ("*/5 * * * *", running),
        "main_history": ("*/15 * * * *", running),
        "main_catch_up": ("* * * * *", running),
    }
    priorities = [int(repository.get_job(name).tags["dagster/priority"]) for name in kinds]
    assert priorities == sorted(priorities, reverse=True)


def test_no_definition_holds_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAIN_API_KEY", "recognisable-key")
    resource = (account_definitions(account()).resources or {})["main"]
    assert isinstance(resource, dg.ResourceDefinition)
    assert "MAIN_API_KEY" in str(resource.description)
    assert "recognisable-key" not in str(resource.description) + repr(vars(resource))


@pytest.mark.parametrize("config", [{"account": {"env": "MAIN_API_SECRET"}}, {"env": "HOME"}])
def test_a_runs_configuration_cannot_reach_the_environment(config: dict[str, Any]) -> None:
    """Dagster puts the value of a variable wherever `{env: NAME}` stands in a configuration."""
    job = account_definitions(account()).resolve_job_def("main_snapshot")
    with pytest.raises(dg.DagsterInvalidConfigError, match="main"):
        job.execute_in_process(run_config={"resources": {"main": {"config": config}}})


def test_the_io_manager_and_executor_of_a_project_stay_its_own() -> None:
    @dg.asset
    def theirs() -> int:
        return 1

    their_own = dg.mem_io_manager
    found = dg.Definitions.merge(
        dg.Definitions(
            assets=[theirs], resources={"io_manager": their_own}, executor=dg.multiprocess_executor
        ),
        account_definitions(account()),
        account_definitions(Account("second", account().settings)),
        portfolio_definitions([account()], PortfolioSettings()),
        shared_definitions(Path(), SharedSettings()),
    )
    dg.Definitions.validate_loadable(found)
    assert found.executor is dg.multiprocess_executor
    assert (found.resources or {})["io_manager"] is their_own
    repository = found.get_repository_def()
    for key, asset in repository.assets_defs_by_key.items():
        expected = "io_manager" if key == theirs.key else IO_MANAGER
        assert asset.get_io_manager_key_for_asset_key(key) == expected, key
    for name in ("main_snapshot", "main_history", "portfolio"):
        assert repository.get_job(name).executor_def is dg.in_process_executor


def test_views_are_virtual_and_no_run_materializes_them() -> None:
    repository = dg.Definitions.merge(
        account_definitions(account()), portfolio_definitions([account()], PortfolioSettings())
    ).get_repository_def()
    graph = repository.asset_graph
    views = {
        key.path[1]: graph.get(key)
        for key in graph.get_all_asset_keys()
        if graph.get(key).is_virtual
    }
    assert set(views) == {"movements", "prices_latest", "lots", "cost_basis"}
    assert dg.AssetKey(["main", "trades"]) in views["movements"].parent_keys
    assert views["lots"].parent_keys == {dg.AssetKey(["portfolio", "realized_pnl"])}
    runs = repository.get_job("portfolio").asset_layer.executable_asset_keys
    assert not {node.key for node in views.values()} & set(runs)


SENSORS = ["check_failure_alerts", "event_log_retention", "run_failure_alerts"]


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        (None, SENSORS),
        ("{event_log_retention: true}", SENSORS),
        ("{alerts: true}", ["check_failure_alerts", "run_failure_alerts"]),
        ("{alerts: false}", []),
    ],
)
def test_a_projects_shared_definitions(
    attributes: str | None, expected: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "defs" / "any_name").mkdir(parents=True)
    if attributes:
        file = tmp_path / "defs" / "any_name" / "defs.yaml"
        file.write_text(f"type: {SHARED}\nattributes: {attributes}\n")
    else:
        (tmp_path / "defs" / "any_name" / "own.py").touch()
    monkeypatch.setenv(PROJECT, str(tmp_path))
    loaded = defs()
    dg.Definitions.validate_loadable(loaded)
    assert sorted(sensor.name for sensor in loaded.sensors or ()) == expected
    assert IO_MANAGER in (loaded.resources or {})
    assert loaded.executor is dg.in_process_executor


@pytest.mark.parametrize(
    ("cron", "age"),
    [("*/5 * * * *", timedelta(minutes=11)), ("0 0 * * *", timedelta(days=2, minutes=1))],
)
def test_a_snapshot_may_be_two_ticks_old(cron: str, age: timedelta) -> None:
    assert allowed_age(account(snapshot_cron=cron)) == age


def test_a_scaffolded_account_is_a_file_that_loads(tmp_path: Path) -> None:
    (tmp_path / "fund").mkdir()

    def scaffold(**options: str) -> None:
        parameters = AccountScaffolder.get_scaffold_params()(**options)
        request = dg.ScaffoldRequest(ACCOUNT, tmp_path / "fund", "yaml", None, parameters)
        AccountScaffolder().scaffold(request)

    with pytest.raises(SettingsError, match="did you mean 'bybit'"):
        scaffold(exchange="bybitt")
    assert list((tmp_path / "fund").iterdir()) == []
    scaffold(exchange="bybit")
    found = read_account(tmp_path / "fund" / "defs.yaml")
    assert found is not None
    assert found.settings.history_start == date(datetime.now(UTC).year, 1, 1)
    (entry,) = entry_points(name="alphapulse_pipeline", group="dagster_dg_cli.registry_modules")
    assert entry.load().ExchangeAccount is ExchangeAccount
