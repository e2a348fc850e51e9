"""Assets are stored and loaded through Dagster itself."""

from collections.abc import Generator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import dagster as dg
import pandas
import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.settings.environment import POSTGRES_URL
from alphapulse_pipeline.settings.errors import UserError
from alphapulse_pipeline.warehouse.batches import Batch, Batches, Proof, TimeRange
from alphapulse_pipeline.warehouse.io_manager import PostgresIOManager
from alphapulse_pipeline_tests.warehouse.rows import T0, at, balance, trade

pytestmark = pytest.mark.usefixtures("database")
DB = Connection[TupleRow]
DAYS = dg.DailyPartitionsDefinition(start_date=T0.replace(tzinfo=None), end_date="2026-09-05")


def asset_of(value: object, dataset: str = "trades") -> dg.AssetsDefinition:
    @dg.asset(key=["bybit", dataset])
    def made() -> object:
        return value

    return made


def run(*assets: dg.AssetsDefinition, **more: Any) -> dg.ExecuteInProcessResult:
    with dg.DagsterInstance.ephemeral() as instance:
        return dg.materialize(
            assets,
            instance=instance,
            resources={"io_manager": PostgresIOManager()},
            raise_on_error=False,
            **more,
        )


def metadata(result: dg.ExecuteInProcessResult) -> dict[str, Any]:
    assert result.success
    (event,) = result.get_asset_materialization_events()
    found = event.step_materialization_data.materialization.metadata
    return {name: value.value for name, value in found.items()}


def sentence(result: dg.ExecuteInProcessResult) -> str:
    """The failure that the UI shows: a `dagster.Failure` whose text is one line."""
    assert not result.success
    (failed,) = [event for event in result.all_events if event.is_step_failure]
    error = failed.step_failure_data.error
    assert error
    while error.cause and error.cls_name != "Failure":
        error = error.cause
    assert error.cls_name == "Failure", error
    data = failed.step_failure_data.user_failure_data
    assert data
    assert data.description
    assert "\n" not in data.description
    return data.description


def taken(dataset: str = "trades", **more: Any) -> pandas.DataFrame:
    """The DataFrame that an asset with the input `[bybit, dataset]` gets."""
    got: list[pandas.DataFrame] = []
    upstream = dg.AssetSpec(["bybit", dataset], partitions_def=more.pop("upstream", None))
    columns = more.pop("columns", None)

    @dg.asset(
        ins={
            "rows": dg.AssetIn(
                ["bybit", dataset], metadata={"columns": columns} if columns else None
            )
        },
        io_manager_key="nothing",
        partitions_def=more.pop("partitions_def", None),
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def takes(rows: pandas.DataFrame) -> None:
        got.append(rows)

    result = dg.materialize(
        [takes, upstream],
        selection=[takes],
        resources={"io_manager": PostgresIOManager(), "nothing": dg.mem_io_manager},
        instance=dg.DagsterInstance.ephemeral(),
        raise_on_error=False,
        **more,
    )
    if not result.success:
        raise AssertionError(sentence(result))
    return got[0]


def test_batches_in(db: DB) -> None:
    def source() -> Generator[Batch, None, None]:
        yield Batch([trade(1), trade(2)], [Proof("spot", TimeRange(at(0), at(9)))])
        yield Batch([trade(2), trade(3, raw={"a|b": 1})])

    found = metadata(run(asset_of(Batches("bybit", "trades", source()))))
    assert found["dagster/row_count"] == 3
    assert (found["inserted"], found["changed"], found["unchanged"]) == (3, 0, 1)
    records = [record.data for record in found["preview"].records]
    assert list(records[0])[:3] == ["market", "trade_id", "side"]
    assert len(records) == 3
    assert records[0]["price"] == "60000.10"
    assert db.execute("SELECT DISTINCT account FROM alphapulse.trades").fetchall() == [("bybit",)]


def test_the_run_is_in_the_rows(db: DB) -> None:
    result = run(asset_of(Batches("bybit", "trades", [Batch([trade()])])))
    stored = db.execute("SELECT run_id, origin FROM alphapulse.trades").fetchall()
    assert stored == [(result.run_id, "api")]


def test_a_frame_in_and_out_again(db: DB) -> None:
    rows = [trade(1, price=Decimal("1E-8"), fee_cost=None), trade(2, fee_cost=Decimal("-0.10"))]
    assert metadata(run(asset_of(pandas.DataFrame(rows))))["dagster/row_count"] == 2
    frame = taken().set_index("trade_id")
    assert list(frame["price"]) == [Decimal("0.00000001"), Decimal("60000.10")]
    assert str(frame["fee_cost"]["2"]) == "-0.10"
    assert frame["fee_cost"]["1"] is None
    assert frame["raw"]["1"] == {"id": "1"}
    assert frame["executed_at"]["1"] == at(60)
    assert all(isinstance(number, Decimal) for number in frame["cost"])
    # a loaded frame can be stored again, without changes
    again = metadata(run(asset_of(taken())))
    assert (again["inserted"], again["changed"], again["unchanged"]) == (0, 0, 2)


@pytest.mark.parametrize("how", ["column", "attrs"])
def test_a_snapshot_in_and_out_again(how: str) -> None:
    def frame(captured_at: datetime, *assets: str) -> pandas.DataFrame:
        rows = pandas.DataFrame([balance(asset) for asset in assets])
        if how == "attrs":
            rows.attrs["captured_at"] = captured_at
            return rows
        return rows.assign(captured_at=captured_at)

    assert metadata(run(asset_of(frame(at(1), "BTC", "ETH"), "balances")))["inserted"] == 2
    found = metadata(run(asset_of(frame(at(2), "BTC"), "balances")))
    assert found["dagster/row_count"] == 1
    assert len(found["preview"].records) == 1
    assert list(taken("balances")["asset"]) == ["BTC"]
    empty = pandas.DataFrame()
    empty.attrs["captured_at"] = at(3)
    assert metadata(run(asset_of(empty, "balances")))["dagster/row_count"] == 0
    assert taken("balances").empty
    assert "total" in taken("balances")


def test_only_the_columns_asked_for() -> None:
    run(asset_of(Batches("bybit", "trades", [Batch([trade()])])))
    frame = taken(columns=["price", "market"])
    assert list(frame.columns) == ["price", "market"]
    assert list(frame["price"]) == [Decimal("60000.10")]


def test_columns_that_are_not_there() -> None:
    with pytest.raises(
        AssertionError, match=r'alphapulse.trades has no column x"; drop.*; choose from'
    ):
        taken(columns=["price", 'x"; drop table alphapulse.trades; --'])


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"partition_key": "2026-09-02"}, {"1", "2"}),
        (
            {
                "tags": {
                    "dagster/asset_partition_range_start": "2026-09-02",
                    "dagster/asset_partition_range_end": "2026-09-03",
                }
            },
            {"1", "2", "3"},
        ),
    ],
)
def test_only_the_days_asked_for(more: dict[str, Any], expected: set[str]) -> None:
    day = timedelta(days=1)
    moments = [T0 + day - timedelta(milliseconds=1), T0 + day, T0 + 2 * day - timedelta(
        milliseconds=1), T0 + 2 * day, T0 + 3 * day]  # fmt: skip
    rows = [trade(number, executed_at=moment) for number, moment in enumerate(moments)]
    run(asset_of(Batches("bybit", "trades", [Batch(rows)])))
    frame = taken(upstream=DAYS, partitions_def=DAYS, **more)
    assert set(frame["trade_id"]) == expected


def test_another_accounts_rows_are_not_loaded() -> None:
    run(asset_of(Batches("bybit", "trades", [Batch([trade()])])))

    @dg.asset(key=["okx", "trades"])
    def other() -> Batches:
        return Batches("okx", "trades", [Batch([trade(7), trade(8)])])

    assert metadata(run(other))["dagster/row_count"] == 2
    assert list(taken()["trade_id"]) == ["1"]


@pytest.mark.parametrize(
    ("value", "dataset", "words"),
    [
        (
            pandas.DataFrame([{**trade(), "extra": 1}]).drop(columns="price"),
            "trades",
            "bybit/trades: rows for alphapulse.trades do not fit the table: missing price; "
            "not in the table: extra; change the asset, or migrate the table",
        ),
        (
            pandas.DataFrame([trade(price=1.5)]),
            "trades",
            "bybit/trades: alphapulse.trades.price takes Decimal, since a float is not exact",
        ),
        (
            pandas.DataFrame([trade(price=None)]),
            "trades",
            'bybit/trades: null value in column "price"',
        ),
        (
            pandas.DataFrame([trade(price="1.2.3")]),
            "trades",
            'bybit/trades: invalid input syntax for type numeric: "1.2.3"; COPY stage_trades',
        ),
        (
            pandas.DataFrame([trade(account="okx")]),
            "trades",
            "bybit/trades: the DataFrame has rows of a different account",
        ),
        ([{"a": 1}], "trades", "the asset returned list; return Batches or a pandas DataFrame"),
        (pandas.DataFrame([balance()]), "balances", "the snapshot has no captured_at"),
        (
            pandas.DataFrame([balance(captured_at=at(0).replace(tzinfo=None))]),
            "balances",
            "the snapshot has no captured_at; set one time with a time zone",
        ),
        (pandas.DataFrame(), "quotes", "asset bybit/quotes has no table; use the key account/da"),
        (
            Batches("bybit", "trades", [Batch([trade(), trade(amount=Decimal(1))])]),
            "trades",
            "bybit/trades: trades: two different rows have the key",
        ),
    ],
)
def test_a_mistake_is_one_sentence(value: object, dataset: str, words: str, db: DB) -> None:
    assert words in sentence(run(asset_of(value, dataset)))
    assert db.execute("SELECT FROM alphapulse.snapshots").fetchall() == []
    assert db.execute("SELECT FROM alphapulse.trades").fetchall() == []


def test_a_failure_of_the_exchange_is_its_sentence() -> None:
    def source() -> Generator[Batch, None, None]:
        raise UserError("the exchange refuses the API key", "check BYBIT_API_KEY")
        yield

    found = sentence(run(asset_of(Batches("bybit", "trades", source()))))
    assert found == "bybit/trades: the exchange refuses the API key; check BYBIT_API_KEY"


def test_a_bug_stays_a_bug() -> None:
    def source() -> Generator[Batch, None, None]:
        raise KeyError("oops")
        yield

    result = run(asset_of(Batches("bybit", "trades", source())))
    (failed,) = [event for event in result.all_events if event.is_step_failure]
    assert failed.step_failure_data.user_failure_data is None
    assert "KeyError" in str(failed.step_failure_data.error)


def test_rows_of_a_different_asset_are_a_bug(db: DB) -> None:
    result = run(asset_of(Batches("okx", "orders", [])))
    (failed,) = [event for event in result.all_events if event.is_step_failure]
    assert "bybit/trades got rows of okx/orders" in str(failed.step_failure_data.error)


def test_an_old_schema_is_one_sentence_both_ways(db: DB) -> None:
    db.execute("DELETE FROM alphapulse.repeatable")
    assert "of an older version" in sentence(run(asset_of(Batches("bybit", "trades", []))))
    with pytest.raises(AssertionError, match="of an older version"):
        taken()


def test_no_database_is_one_sentence_both_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(POSTGRES_URL)
    assert f"{POSTGRES_URL} is not set" in sentence(run(asset_of(Batches("bybit", "trades", []))))
    with pytest.raises(AssertionError, match="is not set"):
        taken()
