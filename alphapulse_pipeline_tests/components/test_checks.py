"""Each asset check fails on what it is there for, and on nothing else."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import dagster as dg
import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.components.checks import CHECKS, account_checks
from alphapulse_pipeline.settings.accounts import HISTORIES, SNAPSHOTS, Account, AccountSettings
from alphapulse_pipeline.warehouse import coverage, registry
from alphapulse_pipeline.warehouse.batches import Batch, Batches, Proof, TimeRange
from alphapulse_pipeline.warehouse.tables import DATASETS
from alphapulse_pipeline.warehouse.writer import write

NOW = datetime.now(UTC).replace(microsecond=0)
OLD = NOW - timedelta(days=30)
ACCOUNT = Account(
    "main", AccountSettings.model_validate({"exchange": "bybit", "history_start": "2026-01-01"})
)
WANTED = TimeRange(OLD, NOW)

GOOD: dict[str, dict[str, Any]] = {
    "balances": {
        "wallet": "unified",
        "asset": "BTC",
        "used": Decimal(0),
        "total": Decimal(1),
        "debt": Decimal(0),
    },
    "positions": {
        **{"market": "BTC/USDT:USDT", "side": "long", "margin_mode": "cross"},
        "contracts": Decimal(1),
    },
    "prices": {"market": "BTC/USDT", "last": Decimal(1)},
    "trades": {
        **{"market": "BTC/USDT", "trade_id": "1", "side": "buy", "order_id": "o", "kind": "trade"},
        **{
            "price": Decimal(1),
            "amount": Decimal(2),
            "cost": Decimal(2),
            "wallet": "unified",
            "raw": {},
        },
        "executed_at": NOW - timedelta(hours=1),
    },
    "orders": {
        **{"market": "BTC/USDT", "order_id": "o", "status": "open", "side": "buy"},
        **{"amount": Decimal(1), "filled": Decimal(0), "wallet": "unified", "raw": {}},
        **{"created_at": NOW - timedelta(hours=1), "updated_at": NOW - timedelta(hours=1)},
    },
}


def put(db: Connection[TupleRow], dataset: str, *rows: dict[str, Any], at: datetime = NOW) -> None:
    """Store rows made of a good one; a snapshot's at the time `at`."""
    ours = {"account", "captured_at", "run_id", "origin", "recorded_at"}
    empty = {c: None for c in DATASETS[dataset].columns if c not in ours}
    full = [{**empty, **GOOD[dataset], **row} for row in rows]
    captured_at = at if dataset in SNAPSHOTS else None
    write(db, Batches("main", dataset, [Batch(full, captured_at=captured_at)]), "test")


def prove(db: Connection[TupleRow], dataset: str, proved: TimeRange) -> None:
    with db.transaction(), db.cursor() as cursor:
        coverage.prove(cursor, "main", dataset, Proof("spot", proved))


@pytest.fixture
def good(db: Connection[TupleRow]) -> Connection[TupleRow]:
    """A database in which everything is as it should be."""
    registry.register(db, "main", "bybit", [(d, True, None) for d in (*SNAPSHOTS, *HISTORIES)])
    for dataset in GOOD:
        put(db, dataset, {})
    for dataset in HISTORIES:
        coverage.want(db, "main", dataset, [("spot", "test")], WANTED)
        prove(db, dataset, WANTED)
    return db


def failing() -> dict[tuple[str, str], dg.AssetCheckEvaluation]:
    """The checks that fail, by dataset and name. All of them must have run."""
    checks = account_checks(ACCOUNT, SNAPSHOTS, HISTORIES)
    definitions = dg.Definitions(asset_checks=checks)
    job = dg.define_asset_job("checks", selection=dg.AssetSelection.all_asset_checks())
    result = (
        dg.Definitions.merge(definitions, dg.Definitions(jobs=[job]))
        .resolve_job_def("checks")
        .execute_in_process()
    )
    evaluations = result.get_asset_check_evaluations()
    assert len(evaluations) == len(CHECKS)
    return {(e.asset_key.path[-1], e.check_name): e for e in evaluations if not e.passed}


def test_all_pass_on_good_data(good: Connection[TupleRow]) -> None:
    assert failing() == {}


LATER = NOW + timedelta(hours=1)
BAD: list[tuple[tuple[str, str], dict[str, Any]]] = [
    (("balances", "no_negative_total"), {"asset": "ETH", "total": Decimal(-1)}),
    (("trades", "keys_unique"), {"market": "XBT/USDT"}),
    (("trades", "times_sane"), {"trade_id": "2", "executed_at": LATER}),
    (("trades", "times_sane"), {"trade_id": "2", "executed_at": datetime(1970, 1, 1, tzinfo=UTC)}),
    (("orders", "keys_unique"), {"market": "XBT/USDT"}),
    (("orders", "times_sane"), {"order_id": "2", "created_at": LATER, "updated_at": LATER}),
    (("orders", "times_sane"), {"order_id": "2", "updated_at": NOW - timedelta(days=9)}),
]


@pytest.mark.parametrize(("check", "row"), BAD)
def test_a_bad_row_fails_its_check_alone(
    good: Connection[TupleRow], check: tuple[str, str], row: dict[str, Any]
) -> None:
    dataset = check[0]
    put(good, dataset, row, at=NOW + timedelta(seconds=1))
    found = failing()
    assert set(found) == {check}
    assert found[check].severity is dg.AssetCheckSeverity.ERROR
    assert found[check].metadata["offenders"].value == 1


def test_a_debt_explains_a_negative_total(good: Connection[TupleRow]) -> None:
    put(good, "balances", {"total": Decimal(-1), "debt": Decimal(1)}, at=NOW + timedelta(seconds=1))
    assert failing() == {}


@pytest.mark.parametrize("dataset", SNAPSHOTS)
def test_an_old_snapshot_is_not_fresh(db: Connection[TupleRow], dataset: str) -> None:
    registry.register(db, "main", "bybit", [(d, True, None) for d in SNAPSHOTS])
    for name in SNAPSHOTS:
        age = timedelta(minutes=12 if name == dataset else 10)
        put(db, name, {}, at=datetime.now(UTC) - age)
    fresh = {key for key in failing() if key[1] == "fresh"}
    assert fresh == {(dataset, "fresh")}


def test_prices_from_the_future(good: Connection[TupleRow]) -> None:
    put(good, "prices", {}, at=NOW + timedelta(hours=1))
    assert set(failing()) == {("prices", "times_sane")}


def test_a_gap_is_an_error_where_it_failed_and_a_warning_where_it_waits(
    good: Connection[TupleRow],
) -> None:
    check = ("trades", "complete")
    wanted = TimeRange(OLD - timedelta(days=1), NOW)
    coverage.want(good, "main", "trades", [("spot", "test")], wanted)
    assert failing()[check].severity is dg.AssetCheckSeverity.WARN
    coverage.record_failure(good, "main", "trades", "failed: the exchange cannot be reached")
    found = failing()
    assert set(found) == {check}
    assert found[check].severity is dg.AssetCheckSeverity.ERROR
    assert "cannot be reached" in str(found[check].metadata["first"].value)


def test_a_history_that_was_never_asked_for_is_not_complete(db: Connection[TupleRow]) -> None:
    found = failing()
    for dataset in HISTORIES:
        assert found[dataset, "complete"].severity is dg.AssetCheckSeverity.WARN
