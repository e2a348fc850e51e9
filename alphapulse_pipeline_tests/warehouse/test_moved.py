"""The gaps of rows that others with the same key have replaced."""

import json

import pytest

from alphapulse_pipeline.datasets import HISTORIES
from alphapulse_pipeline.warehouse.batches import Batch, Moved, TimeRange
from alphapulse_pipeline.warehouse.moved import replaced
from alphapulse_pipeline_tests.warehouse.rows import at, trade

TRADES = HISTORIES["trades"]


def moved(number: int, seconds: float) -> Moved:
    return Moved(("BTC/USDT", str(number), "buy"), at(seconds), json.dumps({"id": number}))


def moment(seconds: float) -> TimeRange:
    return TimeRange(at(seconds), at(seconds + 0.001))


def test_both_times_of_a_row_are_gaps_of_the_stream_that_listed_it() -> None:
    batch = Batch([trade(1), trade(2, executed_at=at(70.0004))], streams=["spot", "swap"])
    (row,) = replaced(TRADES, batch, [moved(2, 5)])
    assert row.stream == "swap"
    assert row.happened_at == at(5)
    assert row.gap == (moment(5), moment(70))
    assert row.raw == '{"id": 2}'
    assert "market BTC/USDT, trade_id 2, side buy; the other one is of 2026-09-01" in row.reason


@pytest.mark.parametrize(("count", "pieces"), [(20, 2), (21, 1)])
def test_many_rows_are_read_again_in_one_piece(count: int, pieces: int) -> None:
    rows = [trade(n, executed_at=at(100 + n)) for n in range(count)]
    batch = Batch(rows, streams=["spot"] * count)
    rejections = list(replaced(TRADES, batch, [moved(n, n) for n in range(count)]))
    assert len(rejections) == count
    assert {len(row.gap) for row in rejections} == {pieces}
    if pieces == 1:
        assert {row.gap for row in rejections} == {(TimeRange(at(0), at(99.001 + count)),)}


def test_rows_that_were_requested_by_id_prove_nothing() -> None:
    assert list(replaced(TRADES, Batch([trade(1)]), [moved(1, 5)])) == []
