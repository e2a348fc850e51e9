"""A row that cannot be read, from the exchange to the UI, the portfolio and the report."""

from collections.abc import Callable

import dagster as dg
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.components.portfolio import portfolio_definitions
from alphapulse_pipeline.portfolio.report.page import page
from alphapulse_pipeline.portfolio.report.scope import Scope
from alphapulse_pipeline.settings.accounts import Account
from alphapulse_pipeline.settings.portfolio import PortfolioSettings
from alphapulse_pipeline_tests.components.conftest import HISTORY_START
from alphapulse_pipeline_tests.components.test_runs import DAYS
from alphapulse_pipeline_tests.conftest import NOW_MS
from exchange_simulator import Simulator, World, serve

Make = Callable[..., Account]
RunJob = Callable[..., dg.ExecuteInProcessResult]


def test_a_poisoned_account_is_named_and_stops_nothing(
    world: World,
    simulator: Simulator,
    make_account: Make,
    run_job: RunJob,
    instance: dg.DagsterInstance,
    db: Connection[TupleRow],
) -> None:
    fills = [
        row for row in simulator.truth(NOW_MS)["trades"] if row["executed_at"] < NOW_MS - 10**8
    ]
    older, newest = sorted(fills, key=lambda row: int(row["executed_at"]))[-2:]
    simulator.set_faults(
        f"poison={newest['trade_id']}/execQty=endless:/v5/execution/list",
        f"poison={older['trade_id']}/symbol=control:/v5/execution/list",
        "poison=ETH/coin=control:/v5/account/wallet-balance",
    )
    with serve(world, clock=lambda: NOW_MS, limits=False) as healthy:
        poisoned = make_account(simulator.url, "poisoned", history_start=HISTORY_START)
        other = make_account(healthy.url, "other", history_start=HISTORY_START)
        days = DAYS | {"dagster/asset_partition_range_start": str(HISTORY_START)}
        results = {
            account.name: run_job(account, kind, tags=days if kind == "history" else {})
            for account in (poisoned, other)
            for kind in ("snapshot", "history")
        }
    assert all(result.success for result in results.values())
    count = "SELECT account, count(*) FROM alphapulse.trades GROUP BY account"
    counted: dict[str, int] = dict(db.execute(count).fetchall())
    assert counted["poisoned"] == counted["other"] - 2

    metadata = {
        name: next(
            event.materialization.metadata
            for event in result.get_asset_materialization_events()
            if event.asset_key and event.asset_key.path[-1] == "trades"
        )
        for name, result in results.items()
    }
    assert "rejected" not in metadata["other"]
    assert "2 rows could not be read" in str(metadata["poisoned"]["rejected"].value)
    assert "update alphapulse-pipeline" in str(metadata["poisoned"]["rejected"].value)
    [complete] = [
        check
        for check in results["poisoned"].get_asset_check_evaluations()
        if (check.asset_key.path[-1], check.check_name) == ("trades", "complete")
    ]
    assert not complete.passed
    assert complete.severity is dg.AssetCheckSeverity.ERROR
    assert "alphapulse.rejected" in str(complete.metadata["examples"].value)

    job = portfolio_definitions([poisoned, other], PortfolioSettings()).resolve_job_def("portfolio")
    assert job.execute_in_process(instance=instance).success
    values = db.execute("SELECT count(*) FROM portfolio.value").fetchone()
    assert values is not None
    assert values[0] > 0
    report = page(db, Scope(), demo=False)
    assert "a row of that time could not be read (alphapulse.rejected)" in report
    [(asset,)] = db.execute(
        "SELECT DISTINCT asset FROM portfolio.holdings WHERE asset LIKE 'BTC_%'"
    ).fetchall()
    assert asset == r"BTC\U0001\U001B[2JUSDT"
    assert asset in report.replace("\\\\", "\\")
    assert not {"\x01", "\x1b"} & set(report)
