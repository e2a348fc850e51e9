"""What a feed reads from answers and rows, and which windows it asks for."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alphapulse_pipeline.exchange.errors import Kind, Unreadable
from alphapulse_pipeline.exchange.feed import (
    MILLISECOND,
    Feed,
    at,
    between,
    milliseconds,
    seconds,
    to_milliseconds,
    to_time,
)
from alphapulse_pipeline.exchange.walker import Cursor, FromId, Whole

FEED = Feed("fills", Whole(), rows=at("result", "list"), time=milliseconds("time"))


@pytest.mark.parametrize("answer", [{}, [], "", None, {"result": {}}, {"result": {"list": None}}])
def test_an_answer_without_rows_is_not_an_answer_of_no_rows(answer: Any) -> None:
    with pytest.raises(Unreadable, match="has no list of rows"):
        FEED.read(answer)


def test_rows_are_read() -> None:
    assert FEED.read({"result": {"list": []}}) == []
    assert FEED.read({"result": {"list": [{"time": "1"}]}}) == [{"time": "1"}]


def test_rows_that_cannot_be_extracted_are_unreadable() -> None:
    nested = replace(FEED, rows=lambda answer: [row["fills"] for row in answer])
    with pytest.raises(Unreadable, match="no list of rows"):
        nested.read([None])


@pytest.mark.parametrize(
    "time", [None, "", "0", 0, "soon", "²", ["1"], "9" * 13, "9" * 400, "-5", True]
)
def test_a_row_without_a_readable_time_is_not_dropped(time: Any) -> None:
    row = {} if time is None else {"time": time}
    assert FEED.moment(row) is None
    assert FEED.untimed(FEED.read({"result": {"list": [row]}})) == [row]
    with pytest.raises(Unreadable, match="has no time"):
        FEED.check(row)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("1790000000.1239", 1_790_000_000_123),
        (1790000000, 1_790_000_000_000),
        ("1790000000", 1_790_000_000_000),
        ("", None),
        (None, None),
        ("soon", None),
    ],
)
def test_seconds_are_cut_down_to_milliseconds(written: Any, read: int | None) -> None:
    assert seconds("time")({"time": written}) == read


def test_milliseconds_are_read_as_text_or_number() -> None:
    read = milliseconds("time")
    assert read({"time": "1790000000123"}) == read({"time": 1_790_000_000_123}) == 1_790_000_000_123


def test_windows_include_both_ends() -> None:
    assert between("from", "to")(1, 2) == {"from": 1, "to": 2}


@settings(deadline=None)
@given(
    start=st.integers(0, 10_000),
    length=st.integers(0, 20_000),
    longest=st.integers(2001, 9000),
    margin=st.sampled_from([0, 1, 1000]),
)
def test_windows_follow_on_each_other_and_are_never_too_long(
    start: int, length: int, longest: int, margin: int
) -> None:
    feed = Feed("fills", Whole(), window=longest * MILLISECOND)
    end = start + length
    windows = list(feed.windows(start, end, margin))
    assert [b for _, b in windows] == [end, *(a for a, _ in windows)][: len(windows)]
    assert (windows[-1][0] if windows else end) == start
    # as asked for: both ends included, and the margin
    assert all((b - 1 + margin) - (a - margin) < longest for a, b in windows)


def test_a_feed_without_a_longest_window_is_asked_for_all_at_once() -> None:
    assert list(FEED.windows(5, 10**12)) == [(5, 10**12)]


def test_everything_is_read_page_by_page() -> None:
    answers = {"": ([1, 2], "a"), "a": ([], "b"), "b": ([3], "")}

    async def call(method: str, params: Any) -> Any:
        numbers, cursor = answers[params.get("cursor", "")]
        return {"result": {"list": [{"n": n} for n in numbers]}, "cursor": cursor}

    paged = Feed("open", Cursor("cursor", lambda answer, _: answer["cursor"]), rows=FEED.rows)
    assert asyncio.run(paged.everything(call)) == [{"n": 1}, {"n": 2}, {"n": 3}]
    whole = Feed("open", Whole(), rows=FEED.rows)
    assert asyncio.run(whole.everything(call)) == [{"n": 1}, {"n": 2}]


def test_a_feed_paged_by_id_does_not_list_everything() -> None:
    async def call(method: str, params: Any) -> Any:
        raise AssertionError

    feed = Feed("fills", FromId("from", lambda row: int(row["id"])))
    with pytest.raises(TypeError, match="only be requested for windows"):
        asyncio.run(feed.everything(call))


def test_times_between_milliseconds_are_refused() -> None:
    time = datetime(2026, 9, 1, tzinfo=UTC) + timedelta(milliseconds=7)
    assert to_time(to_milliseconds(time)) == time
    with pytest.raises(ValueError, match="whole millisecond"):
        to_milliseconds(time + timedelta(microseconds=1))


STRICT = replace(FEED, required=("id", "fee"), flags=("maker",))


def test_a_row_with_all_required_fields_is_read_even_if_blank() -> None:
    STRICT.check({"id": 7, "fee": "", "maker": False, "time": "1790000000000"})


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"id": "7", "maker": True}, "a row of fills has no fee"),
        ({"id": "7", "fee": None, "maker": True}, "a row of fills has no fee"),
        ({"id": "7", "fee": ["1"], "maker": True}, "a row of fills has a fee that is a list"),
        ({"id": "7", "fee": True, "maker": True}, "a row of fills has a fee that is a bool"),
        ({"id": "7", "fee": "1"}, "a row of fills has a maker that is not a boolean"),
        (
            {"id": "7", "fee": "1", "maker": "false"},
            "a row of fills has a maker that is not a boolean",
        ),
        ("7", "a row of fills is a str, not an object"),
    ],
)
def test_an_unreadable_row_names_the_field(row: Any, words: str) -> None:
    with pytest.raises(Unreadable, match=words) as caught:
        STRICT.check(*STRICT.read({"result": {"list": [row]}}))
    assert caught.value.kind is Kind.UNREADABLE
    assert "update alphapulse-pipeline" in str(caught.value)
