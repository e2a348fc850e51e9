"""Histories in whole Dagster runs: what a second reading finds, and what a run leaves to go."""

import re
from collections.abc import Callable
from typing import Any

import dagster as dg
import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.components.histories import MODE, TIME_LIMIT
from alphapulse_pipeline.settings.accounts import Account
from alphapulse_pipeline_tests.components.conftest import HISTORY_START
from alphapulse_pipeline_tests.components.tables import lines
from alphapulse_pipeline_tests.conftest import NOW_MS
from exchange_simulator import Simulator

Make = Callable[..., Account]
RunJob = Callable[..., dg.ExecuteInProcessResult]
DB = Connection[TupleRow]

DAYS = {
    "dagster/asset_partition_range_start": "2026-10-13",
    "dagster/asset_partition_range_end": "2026-10-14",
}
FILL = DAYS | {MODE: "fill"}


@pytest.fixture
def read(
    simulator: Simulator, make_account: Make, run_job: RunJob
) -> Callable[..., dict[str, dict[str, Any]]]:
    """Runs orders and trades with the tags; the metadata of each."""
    account = make_account(
        simulator.url, history_start=HISTORY_START, datasets=["orders", "trades"]
    )

    def run(tags: dict[str, str]) -> dict[str, dict[str, Any]]:
        result = run_job(account, "history", tags=tags)
        assert result.success
        return {
            event.asset_key.path[-1]: {
                name: value.value
                for name, value in event.step_materialization_data.materialization.metadata.items()
            }
            for event in result.get_asset_materialization_events()
            if event.asset_key
        }

    return run


def trades(db: DB) -> set[tuple[Any, ...]]:
    rows = db.execute("SELECT market, trade_id, side, executed_at, amount FROM alphapulse.trades")
    return set(rows.fetchall())


def test_damage_is_found_reported_and_repaired(
    read: Callable[..., dict[str, dict[str, Any]]], db: DB
) -> None:
    first = read(FILL)
    assert "vanished" not in first["trades"]
    before = trades(db)
    some = db.execute(
        "SELECT trade_id, amount FROM alphapulse.trades"
        " WHERE executed_at BETWEEN '2026-10-13' AND '2026-10-15' ORDER BY executed_at LIMIT 2"
    ).fetchall()
    (damaged, amount), (deleted, _) = some
    db.execute(
        "UPDATE alphapulse.trades SET amount = amount + power(10::numeric, -scale(amount))"
        " WHERE trade_id = %s",
        [damaged],
    )
    [(wrong,)] = db.execute(
        "SELECT amount FROM alphapulse.trades WHERE trade_id = %s", [damaged]
    ).fetchall()
    assert wrong != amount
    db.execute("DELETE FROM alphapulse.trades WHERE trade_id = %s", [deleted])
    db.execute(
        "INSERT INTO alphapulse.trades (account, market, trade_id, side, wallet, executed_at,"
        " price, amount, cost, kind, raw, origin, run_id) SELECT account, market, 'invented', side,"
        " wallet, executed_at, price, amount, cost, kind, raw, origin, run_id"
        " FROM alphapulse.trades WHERE trade_id = %s",
        [damaged],
    )
    assert len(trades(db) - before) == 2

    found = read(DAYS)
    assert {n: found["trades"][n] for n in ("new", "changed", "updated", "vanished")} == {
        "new": 1, "changed": 1, "updated": 0, "vanished": 1,
    }  # fmt: skip
    assert {n: found["orders"][n] for n in ("new", "changed", "vanished")} == {
        "new": 0, "changed": 0, "vanished": 0,
    }  # fmt: skip
    assert found["trades"]["compared"].startswith("[2026-10-13 00:00:00 ..")
    shown = lines(found["trades"]["differences"])
    assert [line.partition(" | ")[0] for line in shown] == ["vanished", "changed", "new"]
    assert "trade_id invented" in shown[0]
    assert f"trade_id {damaged}" in shown[1]
    assert shown[1].endswith(f"| amount | {wrong} | {amount}")
    assert f"trade_id {deleted}" in shown[2]
    # the first two are repaired, the last is kept
    assert {row[1] for row in trades(db) - before} == {"invented"}
    assert trades(db) >= before


def test_a_run_whose_time_is_up_says_what_is_left(
    read: Callable[..., dict[str, dict[str, Any]]], simulator: Simulator
) -> None:
    everything = FILL | {
        "dagster/asset_partition_range_start": f"{HISTORY_START}",
        "dagster/asset_partition_range_end": "2026-10-15",
    }
    cut = read(everything | {TIME_LIMIT: "0"})["trades"]
    assert cut["complete"] is False
    assert re.fullmatch(r"\d+\.\d\d %(, about \d+ runs? like this one)?", cut["missing"])
    simulator.set_clock(lambda: NOW_MS + 5_000)  # later than the first run's last moment
    whole = read(everything)["trades"]
    assert whole["complete"] is True
    assert "missing" not in whole
