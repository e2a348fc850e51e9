"""The alert sensors: their ticks, and their messages about real runs."""

from collections.abc import Callable
from typing import Any

import dagster as dg
import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.components.alerts import check_failure_alerts, run_failure_alerts
from alphapulse_pipeline.components.checks import result
from alphapulse_pipeline.components.jobs import ACCOUNT
from alphapulse_pipeline.components.snapshot_checks import SNAPSHOT_CHECKS as CHECKS
from alphapulse_pipeline.health.alerts import failed_checks
from alphapulse_pipeline.settings.accounts import Account
from alphapulse_pipeline.settings.environment import ALERT_WEBHOOK
from alphapulse_pipeline.settings.project import PACKAGED
from alphapulse_pipeline_tests.health.test_alerts import receiving
from exchange_simulator import Simulator

Make = Callable[..., Account]
RunJob = Callable[..., dg.ExecuteInProcessResult]


def tick(sensor: Any, instance: dg.DagsterInstance) -> str | None:
    with dg.build_sensor_context(instance=instance) as context:
        return str(sensor.evaluate_tick(context).skip_message)


def test_they_run_by_default() -> None:
    for sensor in (run_failure_alerts, check_failure_alerts(PACKAGED)):
        assert sensor.default_status is dg.DefaultSensorStatus.RUNNING


def test_a_failed_run_is_reported_and_its_recovery_too(
    simulator: Simulator,
    make_account: Make,
    run_job: RunJob,
    instance: dg.DagsterInstance,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    account = make_account(simulator.url, datasets=["balances", "positions"])
    with receiving() as (url, taken):
        monkeypatch.setenv(ALERT_WEBHOOK, url)
        assert tick(run_failure_alerts, instance) == "no problems"
        simulator.set_faults("retcode=10003")
        run_job(account, "snapshot")
        assert tick(run_failure_alerts, instance) == "1 began"
        run_job(account, "snapshot")
        assert tick(run_failure_alerts, instance) == "1 still active"
        simulator.set_faults()
        run_job(account, "snapshot")
        assert tick(run_failure_alerts, instance) == "1 ended"
    sent = [body for _, body in taken]
    assert len(sent) == 2
    assert "balances, positions failed (credentials)" in sent[0]
    assert "BYBIT_API_KEY" in sent[0]
    assert "over after" in sent[1]


def test_a_run_that_failed_without_a_log_entry_is_reported(
    simulator: Simulator,
    make_account: Make,
    run_job: RunJob,
    instance: dg.DagsterInstance,
    database: str,
) -> None:
    account = make_account(simulator.url, datasets=["balances"])
    assert run_job(account, "snapshot").success
    instance.add_run(
        dg.DagsterRun(
            job_name="bybit_snapshot",
            run_id="00000000-0000-0000-0000-000000000001",
            tags={ACCOUNT: "bybit"},
            status=dg.DagsterRunStatus.FAILURE,
        )
    )
    assert tick(run_failure_alerts, instance) == (
        f"1 began; only logged, because {ALERT_WEBHOOK} is not set"
    )
    assert run_job(account, "snapshot").success
    assert str(tick(run_failure_alerts, instance)).startswith("1 ended")


def test_a_failed_check_is_reported(
    simulator: Simulator,
    make_account: Make,
    run_job: RunJob,
    instance: dg.DagsterInstance,
    db: Connection[TupleRow],
) -> None:
    account = make_account(simulator.url, datasets=["balances"])
    assert run_job(account, "snapshot").success
    # the simulator's clock stands still: its snapshots are not fresh
    assert str(tick(check_failure_alerts(PACKAGED), instance)).startswith("1 began; only logged")
    (check,) = [c for c in CHECKS if c.name == "no_debt_twice"]
    db.execute("UPDATE alphapulse.balances SET debt = -1 WHERE asset = 'USDT'")
    with db.transaction():
        assert not result(db, account, check, "a person's").passed
    summary = f"1 began, 1 still active; only logged, because {ALERT_WEBHOOK} is not set"
    assert tick(check_failure_alerts(PACKAGED), instance) == summary
    _, alert = failed_checks(db)
    assert alert.text.startswith("check balances/no_debt_twice failed: wallet ")
    assert "debt -1" in alert.text
    assert run_job(account, "snapshot").success
    assert str(tick(check_failure_alerts(PACKAGED), instance)).startswith("1 ended, 1 still active")
