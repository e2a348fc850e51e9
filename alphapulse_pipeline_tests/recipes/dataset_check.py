"""What holds once the recipe "Add a dataset" was followed: test_recipes runs this on a copy."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.components.exchange_account import account_definitions
from alphapulse_pipeline.datasets import HISTORIES
from alphapulse_pipeline.settings.accounts import Account
from alphapulse_pipeline.warehouse.export import to_csv
from alphapulse_pipeline.warehouse.imports.store import import_file
from alphapulse_pipeline_tests.components.conftest import instance, run_job
from alphapulse_pipeline_tests.conftest import GENESIS
from exchange_simulator import Simulator, World

__all__ = ["instance", "run_job"]
DAYS = {
    "dagster/asset_partition_range_start": "2026-09-01",
    "dagster/asset_partition_range_end": "2026-10-15",
}
CHECKS = {"complete", "fresh", "keys_unique", "reachable", "times_sane"}


@pytest.fixture(scope="session")
def world() -> World:
    """Simulated accounts borrow on their 100th day, which is within `DAYS`."""
    return World(seed=7, genesis=GENESIS - timedelta(days=80))


@pytest.fixture
def account(simulator: Simulator, make_account: Callable[..., Account]) -> Account:
    return make_account(simulator.url, datasets=["ledger", "interest"])


def rows(db: Connection[TupleRow], query: str) -> list[tuple[Any, ...]]:
    return db.execute(query.encode()).fetchall()


def test_it_is_read_merged_covered_shown_counted_exported_and_imported(
    account: Account,
    run_job: Callable[..., dg.ExecuteInProcessResult],
    db: Connection[TupleRow],
    tmp_path: Path,
) -> None:
    run = run_job(account, "history", tags=DAYS)
    assert run.success
    stored = "SELECT wallet, interest_id, asset, amount, happened_at FROM alphapulse.interest"
    booked = "SELECT wallet, entry_id, asset, amount, happened_at FROM alphapulse.ledger"
    found = rows(db, f"{stored} ORDER BY interest_id")
    assert found
    assert found == rows(db, f"{booked} WHERE kind = 'INTEREST' ORDER BY entry_id")

    status = "SELECT status, coverage, gaps FROM alphapulse.sync_status WHERE dataset = 'interest'"
    assert rows(db, status) == [("completed", 1, 0)]
    gaps = "SELECT * FROM alphapulse.coverage_gaps WHERE dataset = 'interest'"
    assert rows(db, gaps) == []

    specs = account_definitions(account).resolve_all_asset_specs()
    [spec] = [spec for spec in specs if spec.key.path == ["bybit", "interest"]]
    assert spec.description == HISTORIES["interest"].description
    assert spec.partitions_def is not None
    evaluated = [e for e in run.get_asset_check_evaluations() if e.asset_key == spec.key]
    assert {e.check_name for e in evaluated} == CHECKS
    failed = [e.check_name for e in evaluated if not e.passed]
    assert failed == ["fresh"]  # the simulator's clock shows October

    counted = "SELECT dataset, count(*) FROM portfolio.movements WHERE amount < 0 AND {} GROUP BY 1"
    of_interest = "(dataset = 'interest' OR entry LIKE 'INTEREST %')"
    assert rows(db, counted.format(of_interest)) == [("interest", len(found))]
    legs = "SELECT count(*), sum(amount) FROM portfolio.legs WHERE kind = 'expense' AND asset = {}"
    asset = f"'{found[0][2]}'"
    assert rows(db, legs.format(asset))[0][0] >= 1

    file = tmp_path / "interest.csv"
    with file.open("wb") as out:
        to_csv(db, stored, out)
    db.execute("DELETE FROM alphapulse.interest")
    result = import_file(db, "bybit", HISTORIES["interest"], file)
    assert result.new == len(found)
    assert rows(db, f"{stored} ORDER BY interest_id") == found
