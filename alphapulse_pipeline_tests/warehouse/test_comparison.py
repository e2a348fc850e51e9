"""Reading again counts and shows rows that are new, changed or vanished, and no others."""

import logging
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.warehouse import stored_markets
from alphapulse_pipeline.warehouse.batches import (
    Batch,
    Batches,
    Comparison,
    Difference,
    Proof,
    TimeRange,
    Written,
)
from alphapulse_pipeline.warehouse.history_state import HistoryState
from alphapulse_pipeline.warehouse.writer import write
from alphapulse_pipeline_tests.warehouse.rows import at, market, order, trade, transfer

DB = Connection[TupleRow]
DAY = TimeRange(at(0), at(86400))
FIRST = trade(1, executed_at=at(10))
SECOND = trade(2, executed_at=at(20))


def again(db: DB, dataset: str, *batches: Batch, window: TimeRange = DAY) -> Written:
    return write(db, Batches("bybit", dataset, batches, compare=window), "again")


def first(db: DB, dataset: str, *rows: dict[str, Any], streams: Sequence[str] = ("spot",)) -> None:
    """Rows as an earlier run stored them."""
    HistoryState(db, "bybit", dataset).want([(s, "test") for s in streams], DAY)
    write(db, Batches("bybit", dataset, [Batch(rows)]), "first")


def compared(written: Written) -> Comparison:
    assert written.comparison
    return written.comparison


def stored(db: DB, table: str = "trades") -> dict[str, Any]:
    own = "trade_id" if table == "trades" else "order_id"
    column = "amount" if table == "trades" else "status"
    return dict(db.execute(f"SELECT {own}, {column} FROM alphapulse.{table}".encode()).fetchall())


def test_nothing_differs(db: DB) -> None:
    first(db, "trades", FIRST, SECOND)
    written = again(db, "trades", Batch([FIRST, SECOND], [Proof("spot", DAY)]))
    assert written == Written(unchanged=2, comparison=Comparison((DAY,), 0, 0, 0, ()))


def test_a_value_that_is_kept_does_not_differ(db: DB) -> None:
    first(db, "transfers", transfer(1, network="TRON", txid="abc"))
    written = again(db, "transfers", Batch([transfer(1)], [Proof("spot", DAY)]))
    assert written == Written(unchanged=1, comparison=Comparison((DAY,), 0, 0, 0, ()))


def test_each_kind_of_difference_is_reported(db: DB, caplog: pytest.LogCaptureFixture) -> None:
    invented = trade(3, executed_at=at(30))
    damaged = FIRST | {"amount": Decimal("0.51"), "raw": {"id": "1", "gone": 1, "other": 2}}
    first(db, "trades", damaged, invented)
    given = FIRST | {"raw": {"id": "1", "other": 3, "came": 4}}
    with caplog.at_level(logging.INFO):
        written = again(
            db,
            "trades",
            Batch([given], [Proof("spot", TimeRange(at(0), at(15)))]),
            Batch([given, SECOND], [Proof("spot", TimeRange(at(15), at(86400)))]),
        )
    assert (written.inserted, written.changed, written.unchanged) == (1, 1, 1)
    row = "market BTC/USDT, trade_id {}, side buy"
    assert compared(written) == Comparison(
        (DAY,),
        changed=1,
        updated=0,
        vanished=1,
        differences=(
            Difference("vanished", row.format(3), at(30)),
            Difference("changed", row.format(1), at(10), "amount", "0.51", "0.5"),
            Difference("changed", row.format(1), at(10), "raw", None, "came, gone, other"),
            Difference("new", row.format(2), at(20)),
        ),
    )
    assert stored(db) == {"1": Decimal("0.5"), "2": Decimal("0.5"), "3": Decimal("0.5")}
    warnings = [record for record in caplog.records if "was read again" in record.message]
    assert [record.levelname for record in warnings] == ["WARNING"]
    assert "1 new, 1 changed, 0 updated, 1 vanished" in warnings[0].message


def test_raw_that_is_not_an_object_is_reported_as_a_whole(db: DB) -> None:
    first(db, "trades", FIRST | {"raw": {"a": 1}})
    found = compared(again(db, "trades", Batch([FIRST | {"raw": ["a", 1]}])))
    assert [(d.column, d.given) for d in found.differences] == [("raw", None)]


def test_a_time_that_was_damaged_is_a_change_and_not_two_rows(db: DB) -> None:
    first(db, "trades", FIRST | {"executed_at": at(50)})
    found = compared(again(db, "trades", Batch([FIRST], [Proof("spot", DAY)])))
    assert (found.changed, found.vanished) == (1, 0)


def test_a_row_vanished_only_where_every_stream_was_read(db: DB) -> None:
    """A row does not carry its stream, so it may belong to one that was not read."""
    first(db, "trades", *(trade(n, executed_at=at(n)) for n in range(10)), streams=("a", "b"))

    def vanished(*proofs: tuple[str, int, int]) -> list[str]:
        batches = [Batch([], [Proof(s, TimeRange(at(x), at(y)))]) for s, x, y in proofs]
        found = compared(again(db, "trades", *batches))
        assert found.vanished == len(found.differences)
        return [d.row.split(", ")[1].removeprefix("trade_id ") for d in found.differences]

    assert vanished() == []
    assert vanished(("a", 0, 10)) == []
    assert vanished(("a", 0, 6), ("b", 4, 10)) == ["4", "5"]
    assert vanished(("a", 7, 9), ("b", 8, 10), ("b", 2, 8), ("a", 1, 3)) == ["2", "7", "8"]
    assert vanished(("a", 0, 10), ("b", 0, 10), ("b", 0, 3)) == [str(n) for n in range(10)]
    # a stream that ended before the window was written is no reason to compare nothing
    HistoryState(db, "bybit", "trades").want([("old", "test")], TimeRange(at(-9), at(-1)))
    assert vanished(("a", 0, 3), ("b", 0, 3)) == ["0", "1", "2"]
    HistoryState(db, "bybit", "trades").want([("late", "test")], TimeRange(at(-9), at(2)))
    assert vanished(("a", 0, 3), ("b", 0, 3)) == []


def test_only_the_exchanges_own_rows_of_this_account_and_window_can_vanish(db: DB) -> None:
    first(db, "trades", FIRST, SECOND)
    write(db, Batches("okx", "trades", [Batch([trade(7, executed_at=at(15))])]), "first")
    db.execute("UPDATE alphapulse.trades SET origin = 'import' WHERE trade_id = '2'")
    whole = Batch([], [Proof("spot", DAY)])
    found = compared(again(db, "trades", whole))
    assert [d.row for d in found.differences] == ["market BTC/USDT, trade_id 1, side buy"]
    assert compared(again(db, "trades", whole, window=TimeRange(at(11), at(86400)))).vanished == 0
    assert len(stored(db)) == 3


def test_an_expected_update_of_an_order_is_not_a_difference(db: DB) -> None:
    known = [order(n, created_at=at(n)) for n in range(4)]
    first(db, "orders", *known)
    rows = [
        known[0]
        | {"status": "closed", "filled": Decimal(2), "updated_at": at(99), "raw": {"a": 1}},
        known[1] | {"status": "closed"},  # without having changed since
        known[2] | {"amount": Decimal(7), "updated_at": at(99)},  # what was ordered never changes
        known[3] | {"status": "closed", "updated_at": at(-5)},  # older than what is stored
    ]
    written = again(db, "orders", Batch(rows, [Proof("spot", DAY)]))
    found = compared(written)
    assert written.changed == 3
    assert (found.changed, found.updated, found.vanished) == (2, 1, 0)
    assert [(d.row[-1], d.column, d.stored, d.given) for d in found.differences] == [
        ("1", "status", "open", "closed"),
        ("2", "amount", "2", "7"),
        ("2", "updated_at", "2026-09-01 00:00:00+00", "2026-09-01 00:01:39+00"),
    ]
    assert stored(db, "orders") == {"0": "closed", "1": "closed", "2": "open", "3": "open"}


def test_a_pending_transfer_may_change(db: DB) -> None:
    first(db, "transfers", transfer(1, status="pending"), transfer(2, status="ok"))
    rows = [transfer(n, status="ok", txid="0x1") for n in (1, 2)]
    found = compared(again(db, "transfers", Batch(rows)))
    assert (found.changed, found.updated) == (1, 1)
    assert [(d.row, d.column) for d in found.differences] == [
        ("kind deposit, transfer_id 2", "txid")
    ]


def test_examples_are_few_and_counts_are_all(db: DB) -> None:
    rows = [trade(n, executed_at=at(n)) for n in range(60)]
    first(db, "trades", *rows)
    changed = [r | {"amount": Decimal(9)} for r in rows[:30]]
    new = [trade(n, executed_at=at(n)) for n in range(100, 150)]
    batches = [Batch(changed[:15]), Batch(changed[15:] + new), Batch([], [Proof("spot", DAY)])]
    written = again(db, "trades", *batches)
    found = compared(written)
    assert (written.inserted, found.changed, found.vanished) == (50, 30, 30)
    whats = [d.kind for d in found.differences]
    assert whats == ["vanished"] * 20 + ["changed"] * 20 + ["new"] * 20


def test_without_a_comparison_there_is_none(db: DB) -> None:
    first(db, "trades", FIRST)
    assert write(db, Batches("bybit", "trades", [Batch([SECOND])]), "run").comparison is None


ids = st.sets(st.integers(0, 12))


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40
)
@given(before=ids, now=ids, damaged=ids, cut=st.integers(0, 12), read=st.integers(0, 13))
def test_counts_are_those_of_sets(
    db: DB, before: set[int], now: set[int], damaged: set[int], cut: int, read: int
) -> None:
    """Two pages, cut anywhere and overlapping by a row, the newest time not read at all."""
    db.execute("DELETE FROM alphapulse.trades")
    rows = {n: trade(n, executed_at=at(n)) for n in range(13)}
    first(
        db,
        "trades",
        *(rows[n] | ({"price": Decimal(1)} if n in damaged else {}) for n in sorted(before)),
    )
    now = {n for n in now if n < read}
    cut = min(cut, read)
    pages = [
        Batch([rows[n] for n in now if n >= cut], [Proof("spot", TimeRange(at(cut), at(read)))]),
        Batch([rows[n] for n in now if n <= cut], [Proof("spot", TimeRange(at(0), at(cut)))]),
    ]
    found = compared(written := again(db, "trades", *pages))
    assert written.inserted == len(now - before)
    assert found.changed == len(now & before & damaged)
    assert found.vanished == len({n for n in before - now if n < read})


def test_a_stream_of_one_market_covers_that_market_only(db: DB) -> None:
    markets = ("BTC/USDT", "ETH/USDT", "LTC/USDT")
    stored_markets.store_markets(db, "bybit", [market(name) for name in markets])
    rows = [trade(1, market=name, executed_at=at(10)) for name in markets]
    first(db, "trades", *rows, streams=[f"spot {m}" for m in markets[:2]] + ["margin BTC/USDT"])

    def vanished(*streams: str) -> set[str]:
        found = compared(again(db, "trades", *(Batch([], [Proof(s, DAY)]) for s in streams)))
        return {d.row.split(",")[0].removeprefix("market ") for d in found.differences}

    assert vanished() == set()
    assert vanished("spot BTC/USDT") == set()
    assert vanished("spot ETH/USDT") == {"ETH/USDT"}
    assert vanished("spot BTC/USDT", "margin BTC/USDT") == {"BTC/USDT"}
    # a stream of all markets may have any row
    HistoryState(db, "bybit", "trades").want([("linear", "test")], DAY)
    assert vanished("spot ETH/USDT") == set()
    assert vanished("spot ETH/USDT", "linear") == {"ETH/USDT", "LTC/USDT"}
