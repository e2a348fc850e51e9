"""When the portfolio is refreshed: how often, and that it never stays out of date."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import product

import dagster as dg
import pytest
from dagster._core.events import StepMaterializationData

from alphapulse_pipeline.components.exchange_account import account_definitions
from alphapulse_pipeline.components.portfolio import (
    _READ_ALL,
    PORTFOLIO,
    portfolio_definitions,
)
from alphapulse_pipeline.components.schedules import range_request
from alphapulse_pipeline.datasets import HISTORIES, SNAPSHOTS
from alphapulse_pipeline.portfolio.tables import DERIVED
from alphapulse_pipeline.settings.accounts import Account
from alphapulse_pipeline.settings.portfolio import PortfolioSettings

BEGIN = datetime(2026, 11, 2, 0, 1, tzinfo=UTC)
DAYS = (BEGIN - timedelta(days=1), BEGIN)
TABLES = {dg.AssetKey([PORTFOLIO, table.name]) for table in DERIVED}


@dataclass
class Deployment:
    """Dagster's daemon without its processes: the runs are what is reported of them."""

    instance: dg.DagsterInstance
    defs: dg.Definitions
    now: datetime = BEGIN
    cursor: object = None
    requested: list[set[dg.AssetKey]] = field(default_factory=list)
    """The tables of each refresh."""

    def tick(self) -> bool:
        """Evaluate the sensor, half a minute later; whether it requests a refresh."""
        self.now += timedelta(seconds=30)
        done = dg.evaluate_automation_conditions(
            self.defs,
            self.instance,
            dg.AssetSelection.groups(PORTFOLIO),
            evaluation_time=self.now,
            cursor=self.cursor,  # type: ignore[arg-type]
        )
        self.cursor = done.cursor
        tables = {key for key in TABLES if done.get_num_requested(key)}
        if tables:
            self.requested.append(tables)
        return bool(tables)

    def start(self, job: str, keys: Sequence[dg.AssetKey] = ()) -> dg.DagsterRun:
        """A run, with what it plans to materialize."""
        tags = range_request(DAYS[0], DAYS[-1]).tags if job.endswith("history") else {}
        made = self.defs.resolve_job_def(job)
        run = self.instance.create_run_for_job(
            made, tags=tags, asset_selection=frozenset(keys) or None
        )
        self.instance.report_dagster_event(
            dg.DagsterEvent(dg.DagsterEventType.RUN_START.value, job), run.run_id
        )
        return run

    def store(self, run: dg.DagsterRun, *keys: dg.AssetKey) -> None:
        partitions = [f"{day:%Y-%m-%d}" for day in DAYS] if "history" in run.job_name else [None]
        for key, partition in product(keys, partitions):
            self.instance.report_dagster_event(
                dg.DagsterEvent(
                    dg.DagsterEventType.ASSET_MATERIALIZATION.value,
                    run.job_name,
                    event_specific_data=StepMaterializationData(
                        dg.AssetMaterialization(key, partition=partition)
                    ),
                ),
                run.run_id,
            )

    def end(self, run: dg.DagsterRun) -> None:
        self.instance.report_dagster_event(
            dg.DagsterEvent(dg.DagsterEventType.RUN_SUCCESS.value, run.job_name), run.run_id
        )

    def refresh(self) -> None:
        """The refresh that was requested runs to its end."""
        tables = sorted(self.requested[-1])
        run = self.start(PORTFOLIO, tables)
        self.store(run, *tables)
        self.end(run)


@pytest.fixture
def deployment(make_account: Callable[..., Account]) -> Iterator[Deployment]:
    account = make_account("http://127.0.0.1:9", "main")
    defs = dg.Definitions.merge(
        account_definitions(account), portfolio_definitions([account], PortfolioSettings())
    )
    with dg.DagsterInstance.ephemeral() as instance:
        made = Deployment(instance, defs)
        made.tick()
        run = made.start("main_snapshot")
        made.store(run, *(dg.AssetKey(["main", d]) for d in SNAPSHOTS))
        made.end(run)
        for _ in range(5):
            if made.tick():
                made.refresh()
        made.requested.clear()
        yield made


def test_two_tables_read_what_all_tables_read() -> None:
    every = {dataset for table in DERIVED for dataset in table.datasets}
    waited_for = [table.datasets for table in DERIVED if table.name in _READ_ALL]
    assert {dataset for datasets in waited_for for dataset in datasets} == every


def test_a_run_of_histories_is_followed_by_one_refresh(deployment: Deployment) -> None:
    run = deployment.start("main_history")
    for dataset in HISTORIES:
        deployment.tick()
        deployment.store(run, dg.AssetKey(["main", dataset]))
    deployment.end(run)
    for _ in range(4):
        if deployment.tick():
            deployment.refresh()
    assert deployment.requested == [TABLES]


def test_a_snapshot_is_shown_at_once_although_histories_are_read(deployment: Deployment) -> None:
    history = deployment.start("main_history")
    deployment.store(history, dg.AssetKey(["main", "trades"]))
    assert not deployment.tick()
    snapshot = deployment.start("main_snapshot")
    deployment.store(snapshot, *(dg.AssetKey(["main", dataset]) for dataset in SNAPSHOTS))
    assert deployment.tick()


def test_histories_that_are_read_without_a_pause_are_not_waited_for(deployment: Deployment) -> None:
    run = deployment.start("main_history")
    deployment.store(run, dg.AssetKey(["main", "trades"]))
    waited = next((n for n in range(30) if deployment.tick()), None)
    assert waited is not None
    assert 1 <= waited <= 20


@pytest.mark.parametrize("ticks", range(3))
def test_what_changes_during_a_refresh_is_refreshed_again(
    deployment: Deployment, ticks: int
) -> None:
    """The refresh may have read its sources before."""

    def store() -> None:
        run = deployment.start("main_history")
        deployment.store(run, *(dg.AssetKey(["main", dataset]) for dataset in HISTORIES))
        deployment.end(run)

    store()
    assert deployment.tick()
    refresh = deployment.start(PORTFOLIO, sorted(TABLES))
    for _ in range(ticks):
        assert not deployment.tick()
    store()
    for _ in range(2 - ticks):
        assert not deployment.tick()
    deployment.store(refresh, *sorted(TABLES))
    deployment.end(refresh)
    assert deployment.tick()
    deployment.refresh()
    for _ in range(3):
        assert not deployment.tick()
