"""Cursors: pages that name the next older one."""

import asyncio
import math
import random
from collections.abc import Mapping
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphapulse_pipeline.exchange.errors import Incomplete
from alphapulse_pipeline.exchange.feed import Feed, Page
from alphapulse_pipeline.exchange.walker import Cursor
from alphapulse_pipeline.exchange.walker.cursor import last_row
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
from alphapulse_pipeline_tests.exchange.walker.server import ZERO, Row, Server, rows_at

ORDERED = Cursor("cursor", lambda answer, _: answer["cursor"])
IN_ANY_ORDER = Cursor("cursor", ORDERED.next, ordered=False)
BY_LAST_ROW = Cursor("after", last_row("id"))

_PAGINGS = st.sampled_from([ORDERED, IN_ANY_ORDER, BY_LAST_ROW])
_CURSORS = st.fixed_dictionaries(
    {
        "cursor": st.sampled_from(["row", "offset"]),
        "hollow": st.sampled_from([0, 0, 2, 3]),
        "trailing": st.sampled_from(["", "none", "self"]),
        "repeats": st.sampled_from([0, 0, 1, 10]),
    }
)
_ORDERS = st.fixed_dictionaries({"newest_first": st.booleans(), "shuffled": st.booleans()})
_LOST = lost(["start", "end", "cursor", "after"])
_SOMETIMES = st.sampled_from([False, False, False, True])
_LOOPS = st.sampled_from([0, 0, 0, 2, 3, 4])

Case = tuple[Feed, Server, tuple[int, int]]


@st.composite
def tolerable(draw: st.DrawFn) -> Case:
    """Exchanges with such habits only as must not stop a walk."""
    rows = draw(histories())
    paging = draw(_PAGINGS)
    habits: dict[str, Any] = draw(BOUNDS)
    if paging is not BY_LAST_ROW:
        habits |= draw(_CURSORS)
    if paging is IN_ANY_ORDER:
        habits |= draw(_ORDERS)
    window = draw(WINDOWS)
    server = Server(rows, draw(caps(rows)), longest=window, **habits)
    return feed(paging, window=window), server, draw(ranges(rows))


@st.composite
def intolerable(draw: st.DrawFn) -> Case:
    """The same, with habits that a walk may stop at."""
    listing, server, window = draw(tolerable())
    server.loses = draw(_LOST)
    if listing.paging is not BY_LAST_ROW:
        server.loses -= {"after"}
    if server.loses & {"start", "end"}:
        server.longest = (
            None  # what is cut off a window that was not asked for is nowhere to be seen
        )
    if draw(_SOMETIMES):
        server.newest_first = False
    if draw(_SOMETIMES):
        server.shuffled = True
    server.backwards = draw(_SOMETIMES)
    server.loops = draw(_LOOPS)
    for name, value in draw(changes(server.rows)).items():
        setattr(server, name, value)
    if server.loops or (server.cursor == "offset" and not server.newest_first):
        # undetectable: a cursor to a deleted row of a different page, or an offset cursor after
        # rows it counted were deleted
        server.departures = {}
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
        if listing.paging is not IN_ANY_ORDER and server.newest_first:
            assert_late_rows(walked, server, partial(passed, walked, server))

    holds()


@examples(50)
def test_requests_are_as_many_as_pages(examples: int) -> None:
    @tried(examples)
    @given(st.data())
    def holds(data: st.DataObject) -> None:
        rows = data.draw(histories())
        cap = data.draw(caps(rows))
        pages = max(1, math.ceil(len(rows) / cap))
        empty = bool(rows)
        for paging, trailing, requests in [
            (ORDERED, "", pages),
            (IN_ANY_ORDER, "", pages),
            (ORDERED, "none", pages + empty),
            (ORDERED, "self", pages + empty),
            (BY_LAST_ROW, "", pages + empty),
        ]:
            server = Server(rows, cap, trailing=trailing)  # type: ignore[arg-type]
            walk(feed(paging), server, ZERO - 3000, ZERO + 90_000)
            assert server.requests == requests

    holds()


@pytest.mark.parametrize("paging", [ORDERED, IN_ANY_ORDER, BY_LAST_ROW])
def test_a_lost_cursor_is_detected(paging: Cursor) -> None:
    server = Server(rows_at(list(range(11))), 10, loses=frozenset({"cursor", "after"}))
    walked = walk(feed(paging), server, ZERO, ZERO + 100)
    assert "same cursor twice" in walked.failure or "not newest first" in walked.failure


@pytest.mark.parametrize("lost", ["start", "end"])
@pytest.mark.parametrize("paging", [ORDERED, IN_ANY_ORDER, BY_LAST_ROW])
def test_a_lost_window_is_detected(paging: Cursor, lost: str) -> None:
    server = Server(rows_at([0, 10_000, 20_000]), 10, loses=frozenset({lost}))
    walked = walk(feed(paging), server, ZERO + 9_000, ZERO + 11_000)
    assert "outside the requested window" in walked.failure


@pytest.mark.parametrize("paging", [ORDERED, BY_LAST_ROW])
def test_oldest_first_is_detected(paging: Cursor) -> None:
    server = Server(rows_at([1, 2]), 10, newest_first=False)
    assert "not newest first" in walk(feed(paging), server, ZERO, ZERO + 10).failure


@pytest.mark.parametrize("paging", [ORDERED, BY_LAST_ROW])
def test_oldest_first_proves_nothing_while_the_order_is_unknown(paging: Cursor) -> None:
    server = Server(rows_at([5] * 25 + [6]), 10, newest_first=False)
    assert "not newest first" in walk(feed(paging), server, ZERO, ZERO + 10).failure


@pytest.mark.parametrize("paging", [ORDERED, BY_LAST_ROW])
def test_pages_that_go_the_other_way_than_their_rows_are_detected(paging: Cursor) -> None:
    server = Server(rows_at(list(range(25))), 10, newest_first=False, backwards=True)
    assert "not newest first" in walk(feed(paging), server, ZERO, ZERO + 100).failure


def test_rows_in_what_was_proved_are_detected() -> None:
    # the cursor counts rows, and enough of them turn up at the head to bring old ones again
    late = rows_at([50] * 5)
    server = Server(rows_at(list(range(20))), 10, cursor="offset", arrivals={2: late})
    assert "not newest first" in walk(feed(ORDERED), server, ZERO, ZERO + 100).failure


@pytest.mark.parametrize("paging", [ORDERED, IN_ANY_ORDER])
def test_a_cursor_that_comes_again_is_detected(paging: Cursor) -> None:
    server = Server(rows_at([5] * 50), 10, loops=3)
    assert "same cursor twice" in walk(feed(paging), server, ZERO, ZERO + 10).failure


def test_an_answer_without_a_cursor_is_not_the_last() -> None:
    server = Server(rows_at([1]), 10, has_cursor=False)
    assert "does not say" in walk(feed(ORDERED), server, ZERO, ZERO + 10).failure


def test_a_cursor_that_is_no_text_is_not_requested() -> None:
    paging = Cursor("cursor", lambda answer, rows: True)
    assert (
        "does not say whether"
        in walk(feed(paging), Server(rows_at([1]), 10), ZERO, ZERO + 10).failure
    )


def test_in_any_order_only_the_last_page_proves() -> None:
    server = Server(rows_at(list(range(25))), 10)
    pages = walk(feed(IN_ANY_ORDER), server, ZERO, ZERO + 100).pages
    assert [(page.start - ZERO, page.end - ZERO) for page in pages] == [
        (100, 100),
        (100, 100),
        (0, 100),
    ]


@pytest.mark.parametrize("late", [0, 40])
def test_rows_a_moment_out_of_order_are_read_and_nothing_is_proved_too_soon(late: int) -> None:
    """The server orders rows by when it booked them, up to 40 ms after they happened."""
    dice = random.Random(5)
    booked = sorted(dice.sample(range(2_000), 300))
    rows = [Row(ZERO + time - dice.randint(0, late), n) for n, time in enumerate(booked)]
    newest_first = rows[::-1]

    async def call(method: str, params: Mapping[str, Any]) -> dict[str, Any]:
        seen = int(params.get("cursor", 0))
        inside = [row for row in newest_first if params["start"] <= row.time <= params["end"]]
        page = [{"id": str(row.id), "time": str(row.time)} for row in inside[seen : seen + 10]]
        more = seen + 10 < len(inside)
        return {"rows": page, "cursor": str(seen + 10) if more else ""}

    async def read(paging: Cursor) -> list[Page]:
        start, end = ZERO - 100, ZERO + 2_500
        return [page async for page in paging.walk(call, feed(paging), start, end)]

    next_cursor = ORDERED.next
    pages = asyncio.run(read(Cursor("cursor", next_cursor, disorder=40)))
    held: set[str] = set()
    for page in pages:
        held |= {row["id"] for row in page.rows}
        proved = {str(row.id) for row in rows if page.start <= row.time < page.end}
        assert proved <= held
    assert held == {str(row.id) for row in rows}
    assert sum(page.end > page.start for page in pages) > 10  # page by page, not at the end
    if late:
        with pytest.raises(Incomplete):
            asyncio.run(read(Cursor("cursor", next_cursor)))
