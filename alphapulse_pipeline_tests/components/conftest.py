"""Dagster on the test's own PostgreSQL, configured by the deployment's own dagster.yaml."""

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from alphapulse_pipeline.components.exchange_account import account_definitions
from alphapulse_pipeline.settings.accounts import Account

YAML = Path(__file__).parents[2] / "dagster.yaml"
HISTORY_START = date(2026, 10, 10)
"""Five days before the simulator's time: failures do not depend on the length of a history."""


@pytest.fixture
def instance(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dg.DagsterInstance]:
    """An instance as it is deployed: every event, run and tick goes to the test's database, but
    not each through a connection of its own."""
    (tmp_path / "dagster.yaml").write_text(YAML.read_text())
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    with dg.DagsterInstance.from_config(str(tmp_path)) as made:
        for storage in (made.run_storage, made.event_log_storage):
            storage.optimize_for_webserver(
                statement_timeout=60_000, pool_recycle=3600, max_overflow=20
            )
        yield made


@pytest.fixture
def run_job(instance: dg.DagsterInstance) -> Callable[..., dg.ExecuteInProcessResult]:
    """Runs a job of an account in this process, in the deployment's way."""

    def run(account: Account, kind: str, **more: Any) -> dg.ExecuteInProcessResult:
        job = account_definitions(account).resolve_job_def(f"{account.name}_{kind}")
        return job.execute_in_process(instance=instance, raise_on_error=False, **more)

    return run
