"""Rows are written exactly, and only inserted and changed rows count."""

import json
import uuid
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.datasets import DATASETS
from alphapulse_pipeline.warehouse.batches import Moved, Row, Written
from alphapulse_pipeline.warehouse.merge import ColumnMismatch, KeyCollision, merge
from alphapulse_pipeline_tests.warehouse.rows import at, balance, order, trade, transfer

DB = Connection[TupleRow]


def put(db: DB, dataset: str, *rows: Row, run: str = "first", account: str = "bybit") -> Written:
    constants = {"account": account, "run_id": run, "origin": "api"}
    with db.transaction(), db.cursor() as cursor:
        return merge(cursor, DATASETS[dataset], rows, constants)


def column(db: DB, name: str, table: str = "trades") -> list[Any]:
    rows = db.execute(f"SELECT {name} FROM alphapulse.{table} ORDER BY 1".encode()).fetchall()
    return [row[0] for row in rows]


def test_counts_what_is_new_changed_and_the_same(db: DB) -> None:
    assert put(db, "trades", trade(1), trade(2)) == Written(inserted=2)
    written = put(db, "trades", trade(1), trade(2, price=Decimal(7)), trade(3))
    assert written == Written(inserted=1, changed=1, unchanged=1)
    assert column(db, "price") == [Decimal(7), Decimal("60000.10"), Decimal("60000.10")]


def test_what_the_exchange_no_longer_says_of_a_row_is_kept(db: DB) -> None:
    put(db, "transfers", transfer(1, network="TRON", txid="abc"), transfer(2))
    written = put(db, "transfers", transfer(1), transfer(2, txid="def"))
    assert written == Written(changed=1, unchanged=1)
    assert put(db, "transfers", transfer(1, status="failed")) == Written(changed=1)
    found = "SELECT network, txid, status FROM alphapulse.transfers ORDER BY transfer_id"
    assert db.execute(found).fetchall() == [("TRON", "abc", "failed"), (None, "def", "ok")]
    put(db, "transfers", transfer(1, network="ETH", txid="new"))
    assert db.execute(found).fetchall()[0] == ("ETH", "new", "ok")


def test_a_row_that_replaces_one_of_another_time_is_reported(db: DB) -> None:
    put(db, "trades", trade(1), trade(2), trade(3), trade(4))
    later = [trade(n, executed_at=at(61), raw={"id": "9"}) for n in (1, 2)]
    written = put(db, "trades", *later, trade(3), trade(4, price=Decimal(7)), trade(5))
    assert written == Written(1, 3, 1, written.moved)
    assert {*written.moved} == {
        Moved(("BTC/USDT", str(n), "buy"), at(60), f'{{"id": "{n}"}}') for n in (1, 2)
    }
    assert column(db, "executed_at") == [at(60)] * 3 + [at(61)] * 2
    assert put(db, "trades", *later) == Written(unchanged=2)


def test_an_older_state_of_an_order_replaces_none_of_another_time(db: DB) -> None:
    put(db, "orders", order(1, updated_at=at(9)))
    assert put(db, "orders", order(1, created_at=at(5))) == Written(unchanged=1)
    assert column(db, "created_at", "orders") == [at(0)]


def test_no_rows_are_nothing(db: DB) -> None:
    assert put(db, "trades") == Written()


def test_a_row_that_is_the_same_stays_untouched(db: DB) -> None:
    put(db, "trades", trade(1), trade(2), run="first")
    written = db.execute("SELECT trade_id, recorded_at FROM alphapulse.trades").fetchall()
    before = {trade_id: recorded for trade_id, recorded in written}  # noqa: C416  mypy
    put(db, "trades", trade(1), trade(2, raw={"now": "other"}), run="second")
    rows = db.execute("SELECT trade_id, run_id, recorded_at FROM alphapulse.trades").fetchall()
    after = {trade_id: (run, recorded) for trade_id, run, recorded in rows}
    assert after["1"] == ("first", before["1"])
    assert after["2"][0] == "second"
    assert after["2"][1] > before["2"]


def test_only_the_key_tells_rows_apart(db: DB) -> None:
    put(db, "trades", trade(1), trade(1, side="sell"), trade(1, market="ETH/USDT"))
    put(db, "trades", trade(1), account="okx")
    assert len(column(db, "trade_id")) == 4


NUMBERS = ["1E-8", "0", "-0.00000001", "1234567890123456789012345678901234567890", "1E+30", "1.500"]


@pytest.mark.parametrize("text", [*NUMBERS, "-12345678901234567890.12345678901234567890"])
def test_numbers_are_exact(db: DB, text: str) -> None:
    put(db, "trades", trade(price=Decimal(text)))
    (stored,) = column(db, "price")
    assert stored == Decimal(text)
    if "E+" not in text:  # digits after the point are kept as the exchange gave them
        assert stored.as_tuple().exponent == Decimal(text).as_tuple().exponent


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
numbers = st.decimals(allow_nan=False, allow_infinity=False, places=18) | st.integers().map(Decimal)
documents = st.recursive(
    st.none() | st.booleans() | st.integers() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.tuples(texts, texts | st.none(), numbers, documents), min_size=1, max_size=5))
def test_whatever_was_given_is_what_is_read(db: DB, values: list[tuple[Any, ...]]) -> None:
    account = str(uuid.uuid4())
    rows = [
        trade(f"{number}{text}", order_id=order_id, price=price, raw={"": document})
        for number, (text, order_id, price, document) in enumerate(values)
    ]
    put(db, "trades", *rows, account=account)
    stored = db.execute(
        "SELECT trade_id, order_id, price, raw FROM alphapulse.trades WHERE account = %s", [account]
    ).fetchall()
    found = {row[0]: row[1:] for row in stored}
    assert found == {r["trade_id"]: (r["order_id"], r["price"], r["raw"]) for r in rows}


@pytest.mark.parametrize(
    "text", ["\\N", "\\", "a\tb", "a\nb\r", "\\.", "\\t", "", "ü€😀", "'\";--"]
)
def test_text_is_text(db: DB, text: str) -> None:
    put(db, "trades", trade(order_id=text, raw={text: text}))
    assert column(db, "order_id") == [text]
    assert column(db, "raw") == [{text: text}]


def test_raw_is_kept_as_it_came(db: DB) -> None:
    text = '{"p": 1.10, "big": 12345678901234567890.123, "id": 18446744073709551617, "s": "1.10"}'
    raw = json.loads(text, parse_float=str)
    put(db, "trades", trade(raw=raw))
    assert column(db, "raw") == [raw]
    assert column(db, "raw ->> 'big'") == ["12345678901234567890.123"]
    assert column(db, "raw ->> 'id'") == ["18446744073709551617"]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"price": 1.5}, "alphapulse.trades.price takes Decimal, since a float is not exact, not"),
        ({"price": True}, "not bool"),
        ({"price": Decimal("NaN")}, "takes only finite numbers"),
        ({"price": "Infinity"}, "takes only finite numbers"),
        ({"order_id": 17.0}, "order_id takes str, not float"),
        (
            {"executed_at": at(0).replace(tzinfo=None)},
            "executed_at takes only times with a time zone",
        ),
        ({"executed_at": "2026-09-01"}, "executed_at takes datetime, not str"),
    ],
)
def test_what_would_not_be_exact_is_refused(db: DB, values: dict[str, Any], words: str) -> None:
    with pytest.raises(ColumnMismatch, match=words):
        put(db, "trades", trade(1), trade(2, **values))
    assert column(db, "trade_id") == []


def test_the_same_row_twice_in_a_batch_is_one(db: DB) -> None:
    assert put(db, "trades", trade(1), trade(1), trade(1)) == Written(inserted=1)


def test_two_rows_with_one_key_are_a_collision(db: DB) -> None:
    with pytest.raises(KeyCollision, match=r"trades: two different rows have the key.*trade_id=1"):
        put(db, "trades", trade(1), trade(1, amount=Decimal(9)))
    assert column(db, "trade_id") == []


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("times", [(1, 2), (2, 1)])
def test_an_order_never_goes_back_in_time(db: DB, times: tuple[int, int], together: bool) -> None:
    rows = [order(updated_at=at(t), status="closed" if t == 2 else "open") for t in times]
    for batch in [rows] if together else [[row] for row in rows]:
        put(db, "orders", *batch)
    assert column(db, "status", "orders") == ["closed"]
    assert column(db, "updated_at", "orders") == [at(2)]


def test_of_two_states_at_one_time_the_later_read_one_stays(db: DB) -> None:
    put(db, "orders", order(filled=Decimal(1)))
    assert put(db, "orders", order(filled=Decimal(2))) == Written(changed=1)
    put(db, "orders", order(filled=Decimal(3)), order(filled=Decimal(4)))
    assert column(db, "filled", "orders") == [Decimal(4)]


def test_wrong_columns_are_one_sentence(db: DB) -> None:
    row = trade(2)
    del row["price"]
    with pytest.raises(ColumnMismatch) as caught:
        put(db, "trades", trade(1), {**row, "prize": Decimal(1)})
    assert str(caught.value) == (
        "rows for alphapulse.trades do not fit the table: missing price; not in the table: prize; "
        "change the asset, or migrate the table (`alphapulse up` applies migrations)"
    )


def test_what_not_every_source_knows_may_be_left_out(db: DB) -> None:
    row = trade()
    del row["realized_pnl"]
    assert put(db, "trades", row).inserted == 1


def test_a_rollback_leaves_nothing(db: DB) -> None:
    with pytest.raises(psycopg.errors.NotNullViolation):
        put(db, "trades", trade(1), trade(2, price=None))
    assert column(db, "trade_id") == []
    assert put(db, "trades", trade(1)) == Written(inserted=1)  # nor anything in the staging table


def test_several_merges_of_one_transaction_do_not_mix(db: DB) -> None:
    with db.transaction(), db.cursor() as cursor:
        for number in (1, 2):
            written = merge(
                cursor,
                DATASETS["balances"],
                [balance()],
                {"account": "bybit", "captured_at": at(number)},
            )
            assert written == Written(inserted=1)
    assert len(column(db, "captured_at", "balances")) == 2


def test_more_rows_than_are_copied_at_once(db: DB) -> None:
    rows = [trade(number, order_id=str(number) if number % 2 else None) for number in range(2501)]
    assert put(db, "trades", *rows) == Written(inserted=2501)
    found = db.execute("SELECT trade_id, order_id FROM alphapulse.trades").fetchall()
    assert set(found) == {(row["trade_id"], row["order_id"]) for row in rows}
