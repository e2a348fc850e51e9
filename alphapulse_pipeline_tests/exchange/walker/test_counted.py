"""Offsets, with a count of all rows as the proof."""

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphapulse_pipeline.exchange.documented import Documented
from alphapulse_pipeline.exchange.feed import Feed
from alphapulse_pipeline.exchange.walker import Counted
from alphapulse_pipeline_tests.exchange.walker.proof import (
    BOUNDS,
    WINDOWS,
    assert_late_rows,
    caps,
    changes,
    examples,
    feed,
    histories,
    lost,
    passed,
    ranges,
    tried,
    walk,
)
from alphapulse_pipeline_tests.exchange.walker.server import ZERO, Row, Server, row_at, rows_at

COUNTED = Counted("offset", lambda answer: answer["count"], lambda row: row["id"])


def in_seconds(first: int, last: int) -> dict[str, int]:
    """As Kraken takes its times; its start is left out."""
    return {"start": first // 1000, "end": last // 1000}


_LOST = lost(["start", "end", "offset"])
_HABITS = st.fixed_dictionaries(
    {
        "newest_first": st.sampled_from([True, True, True, False]),
        "count": st.sampled_from(["all", "all", "all", "all", "more", "less", "page"]),
        "unstable": st.booleans(),
        "backwards": st.sampled_from([False, False, False, True]),
        "shuffled": st.sampled_from([False, False, False, True]),
        "repeats": st.sampled_from([0, 0, 0, 1]),
        "repeats_inside": st.booleans(),
    }
)

Case = tuple[Feed, Server, tuple[int, int]]


@st.composite
def tolerable(draw: st.DrawFn) -> Case:
    """Exchanges with such habits only as must not stop a walk."""
    rows = draw(histories())
    habits: dict[str, Any] = draw(BOUNDS)
    window = draw(WINDOWS)
    listing = feed(COUNTED, window)
    if draw(st.booleans()):
        listing = feed(COUNTED, window, between=in_seconds)
        habits["unit"] = 1000
    server = Server(rows, draw(caps(rows)), longest=window, **habits)
    return listing, server, draw(ranges(rows))


@st.composite
def intolerable(draw: st.DrawFn) -> Case:
    """The same, with habits that a walk may stop at."""
    listing, server, window = draw(tolerable())
    server.loses = draw(_LOST)
    if server.loses & {"start", "end"}:
        server.longest = None
    for name, value in (draw(_HABITS) | draw(changes(server.rows))).items():
        setattr(server, name, value)
    return listing, server, window


@examples(100)
def test_all_is_read_and_every_prefix_holds_what_it_proves(examples: int) -> None:
    @tried(examples)
    @given(tolerable())
    def holds(case: Case) -> None:
        listing, server, (start, end) = case
        assert not walk(listing, server, start, end).failure

    holds()


@examples(165)
def test_nothing_is_proved_that_was_not_read(examples: int) -> None:
    @tried(examples)
    @given(intolerable())
    def holds(case: Case) -> None:
        listing, server, (start, end) = case
        walked = walk(listing, server, start, end)
        # a page is handed out when the one after it was read
        if server.newest_first:
            assert_late_rows(walked, server, lambda *page: passed(walked, server, *page) - 1)

    holds()


@examples(30)
def test_requests_are_as_many_as_pages_that_overlap(examples: int) -> None:
    """And one more, where the last page is as large as pages get."""

    @tried(examples)
    @given(histories(), st.data())
    def holds(rows: list[Row], data: st.DataObject) -> None:
        cap = data.draw(caps(rows))
        server = Server(rows, cap)
        walk(feed(COUNTED), server, ZERO - 3000, ZERO + 90_000)
        if len(rows) <= cap:
            assert server.requests == 1 + (len(rows) >= 10)
        else:
            more, full = len(rows) - cap, (len(rows) - cap) % (cap - 1) == 0
            assert server.requests == 1 + math.ceil(more / (cap - 1)) + full

    holds()


@pytest.mark.parametrize(
    ("habits", "words"),
    [
        ({"loses": frozenset({"offset"})}, "changes faster"),
        ({"count": "none"}, "has no count"),
        ({"count": "half"}, "not a whole number"),
        ({"count": "more"}, "counts 21 rows but lists 20"),
        ({"count": "less"}, "counts 19 rows but lists 20"),
        ({"count": "page"}, "counts 10 rows and lists 19|changes faster"),
        ({"shuffled": True}, "not newest first"),
        ({"newest_first": False}, "not newest first"),
        ({"newest_first": False, "backwards": True}, "changes faster"),
        ({"repeats": 1}, "changes faster"),
    ],
)
def test_a_server_with_other_habits_is_detected(habits: dict[str, Any], words: str) -> None:
    server = Server(rows_at([5, 6, 7, 8] * 5), 10, **habits)
    with pytest.raises(AssertionError, match=words):
        raise AssertionError(walk(feed(COUNTED), server, ZERO, ZERO + 10).failure)


def test_rows_that_change_places_are_detected() -> None:
    # the row that pages overlap in may stay where it is while others do not
    for size in range(11, 60):
        server = Server(rows_at([5] * size), 10, unstable=True)
        walk(feed(COUNTED), server, ZERO, ZERO + 10)


def test_a_row_that_comes_while_another_goes_shifts_pages() -> None:
    """The count does not change; the row in which pages overlap shows the shift."""
    server = Server(rows_at(list(range(30))), 10, arrivals={3: [row_at(50, 0)]}, departures={3: 1})
    walked = walk(feed(COUNTED), server, ZERO, ZERO + 100)
    assert not walked.failure
    assert len(walked.pages) == len(walked.requests)


def test_a_row_that_goes_while_another_comes_shifts_pages() -> None:
    rows = rows_at(list(range(30)))
    server = Server(rows, 10, arrivals={2: [row_at(0, 5)]}, withdrawn={2: rows[-1]})
    assert not walk(feed(COUNTED), server, ZERO, ZERO + 100).failure


def test_a_row_of_another_time_with_the_same_id_is_another_row() -> None:
    rows = rows_at(list(range(0, 300, 10)))
    last_of_a_page = rows[20]
    twin = Row(last_of_a_page.time - 5, last_of_a_page.id)
    server = Server(rows, 10, arrivals={2: [twin]}, withdrawn={2: last_of_a_page})
    walked = walk(feed(COUNTED), server, ZERO, ZERO + 300)
    assert not walked.failure
    assert twin.time in {int(row["time"]) for page in walked.pages for row in page.rows}


def test_oldest_first_proves_nothing_while_the_order_is_unknown() -> None:
    server = Server(rows_at([5] * 25 + [6]), 10, newest_first=False)
    assert "not newest first" in walk(feed(COUNTED), server, ZERO, ZERO + 10).failure


def test_what_is_proved_is_not_read_again_when_pages_shift() -> None:
    apart = rows_at(list(range(0, 198_000, 2000)))
    server = Server(apart, 10, arrivals={6: [row_at(197_000, 0)]})
    walked = walk(feed(COUNTED), server, ZERO, ZERO + 200_000)
    assert not walked.failure
    # the sixth does not count; of the five before it four are proved, with 36 of 99 rows, since
    # more rows may be in the millisecond of the 37th
    assert server.requests == 6 + 1 + math.ceil((99 - 36 - 10) / 9)


def test_what_shifts_all_the_time_is_given_up() -> None:
    rows = {number: [row_at(90, number)] for number in range(1, 100)}
    server = Server(rows_at(list(range(30))), 10, arrivals=rows)
    assert "changes faster" in walk(feed(COUNTED), server, ZERO, ZERO + 100).failure
    assert server.requests < 20


UNORDERED = Counted("offset", lambda answer: answer["count"], lambda row: row["id"], ordered=False)


@examples(65)
def test_rows_in_another_order_are_all_read(examples: int) -> None:
    """As Kraken's closed orders are, if they are sorted by when they were closed."""

    @tried(examples)
    @given(histories(), st.data())
    def holds(rows: list[Row], data: st.DataObject) -> None:
        habits = data.draw(BOUNDS)
        newest_first = data.draw(st.booleans())
        server = Server(rows, data.draw(caps(rows)), newest_first=newest_first, **habits)
        listing = feed(UNORDERED, data.draw(WINDOWS))
        assert not walk(listing, server, *data.draw(ranges(rows))).failure

    holds()


@examples(65)
def test_rows_in_another_order_that_shift_prove_nothing(examples: int) -> None:
    @tried(examples)
    @given(intolerable())
    def holds(case: Case) -> None:
        listing, server, (start, end) = case
        walk(replace(listing, paging=UNORDERED), server, start, end)

    holds()


def test_windows_in_another_order_are_divided_by_their_count() -> None:
    """Each is proven by itself, so that a shift costs one of them."""
    rows = rows_at(list(range(0, 2_000_000, 1000)))
    server = Server(rows, 50, newest_first=False)
    walked = walk(feed(UNORDERED), server, ZERO, ZERO + 2_000_000)
    assert not walked.failure
    proven = [page for page in walked.pages if page.start < page.end]
    assert 5 <= len(proven) <= 9
    assert server.requests < 2000 / 49 + 2 * len(proven) + 2


def test_a_documented_page_that_is_not_full_is_the_last() -> None:
    page = Documented(page="page", dated="", limit=50, default_limit=50)
    server = Server(rows_at(list(range(30))), 50)
    walk(feed(COUNTED, documented=page), server, ZERO, ZERO + 100)
    assert server.requests == 1
