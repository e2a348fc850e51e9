"""The rows that a run without new data reads do not grow with the history."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.datasets import HISTORIES
from alphapulse_pipeline.warehouse import sync_state
from alphapulse_pipeline.warehouse.batches import Batch, Batches, TimeRange, Written
from alphapulse_pipeline.warehouse.history_state import HistoryState, newest_gap_before
from alphapulse_pipeline.warehouse.io_manager import metadata, progress
from alphapulse_pipeline.warehouse.writer import write
from alphapulse_pipeline_tests.warehouse.rows import at, order, trade

DB = Connection[TupleRow]
MANY = 3000
RARE = "7000000"
"""The id of the one row of a quiet market."""
DAY = TimeRange(at(0), at(86400))
ROWS: dict[str, Callable[..., dict[str, Any]]] = {"trades": trade, "orders": order}


@pytest.fixture
def large(db: DB) -> DB:
    """Many rows of one market, one old row of a different market, and no table statistics."""
    for dataset, made in ROWS.items():
        time = HISTORIES[dataset].time
        rows = [made(n, **{time: at(n)}) for n in range(1, MANY)]
        if dataset == "orders":
            rows = [row | {"status": "closed"} for row in rows]
        rare = made(RARE, market="RARE/USDT", **{time: at(0)})
        write(db, Batches("bybit", dataset, [Batch([rare, *rows])]), "run")
        HistoryState(db, "bybit", dataset).want([("spot", "test")], DAY)
    return db


def rows_read(db: DB, dataset: str, ask: Callable[[], object]) -> int:
    """The number of rows of the table that `ask` reads, counted by PostgreSQL."""

    def count() -> int:
        row = db.execute(
            "SELECT coalesce(sum(seq_tup_read + idx_tup_fetch), 0)"
            " FROM pg_stat_xact_user_tables WHERE relid = %s::regclass",
            [f"alphapulse.{dataset}"],
        ).fetchone()
        assert row
        return int(row[0])

    with db.transaction():
        before = count()
        ask()
        return count() - before


@pytest.mark.parametrize("dataset", ROWS)
def test_the_metadata_of_a_run(large: DB, dataset: str) -> None:
    history, before = HISTORIES[dataset], timedelta()
    read = rows_read(large, dataset, lambda: metadata(large, history, "bybit", Written()))
    assert read <= 5, "the preview's"
    assert rows_read(large, dataset, lambda: progress(large, history, "bybit", DAY, before)) == 0


@pytest.mark.parametrize("dataset", ROWS)
def test_the_state_that_a_run_reads_first(large: DB, dataset: str) -> None:
    def ask() -> None:
        large.execute("SELECT * FROM alphapulse.sync_status").fetchall()
        HistoryState(large, "bybit", dataset).gaps(DAY)
        newest_gap_before(large, "bybit", [dataset], at(86400))

    assert rows_read(large, dataset, ask) == 0
    assert rows_read(large, dataset, lambda: sync_state.open_orders(large, "bybit")) <= 1
    assert rows_read(large, dataset, lambda: sync_state.traded_markets(large, "bybit")) <= 10


@pytest.mark.parametrize(("market", "found"), [("RARE/USDT", RARE), ("BTC/USDT", str(MANY - 1))])
@pytest.mark.parametrize("dataset", ROWS)
def test_the_row_where_a_market_continues(large: DB, dataset: str, market: str, found: str) -> None:

    def ask() -> None:
        asked = (market, "unified", at(MANY), at(0), at(0))
        assert HistoryState(large, "bybit", dataset).newest_id(*asked) == found

    assert rows_read(large, dataset, ask) <= 1


def test_the_movements_of_a_minute_do_not_read_all_transfers(db: DB) -> None:
    """A deposit moves a balance when it is credited, everything else when it happens."""
    db.execute(
        "INSERT INTO alphapulse.transfers (account, kind, transfer_id, asset, amount, from_wallet,"
        " to_wallet, status, happened_at, updated_at, raw, run_id)"
        " SELECT 'bybit', kind, number, 'BTC', 1, 'unified', 'unified', 'ok',"
        "        %(start)s + number * interval '1 minute',"
        "        %(start)s + number * interval '1 minute' + interval '30 seconds', '{}', 'run'"
        " FROM generate_series(1, %(many)s) AS number,"
        "      unnest(ARRAY['deposit', 'withdrawal', 'transfer']) AS kind",
        {"start": at(0), "many": MANY},
    )
    found: list[TupleRow] = []

    def ask() -> None:
        found.extend(
            db.execute(
                "SELECT entry, happened_at FROM portfolio.movements_between('bybit', %s, %s)",
                [at(60_000 - 1), at(60_000 + 59)],
            ).fetchall()
        )

    assert rows_read(db, "transfers", ask) <= 10
    assert sorted({(entry.split()[0], time) for entry, time in found}) == [
        ("deposit", at(60_000 + 30)),
        ("transfer", at(60_000)),
        ("withdrawal", at(60_000)),
    ]
