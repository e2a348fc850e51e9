"""Time windows with answers truncated at an undocumented size."""

from collections import Counter
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphapulse_pipeline.exchange.documented import Documented
from alphapulse_pipeline.exchange.feed import Feed
from alphapulse_pipeline.exchange.walker import Windows
from alphapulse_pipeline_tests.exchange.walker.proof import (
    BOUNDS,
    WINDOWS,
    Walk,
    assert_late_rows,
    caps,
    changes,
    examples,
    feed,
    histories,
    lost,
    ranges,
    tried,
    walk,
)
from alphapulse_pipeline_tests.exchange.walker.server import ZERO, Server, rows_at

EXACT = {"open_start": False, "open_end": False, "whole_start": False, "whole_end": False}

_MARGINS = st.sampled_from([0, 1, 1000])
_LOST = lost(["start", "end"])
_ORDERS = st.fixed_dictionaries(
    {
        "keeps": st.sampled_from(["start", "end"]),
        "newest_first": st.booleans(),
        "shuffled": st.booleans(),
    }
)
_REPEATS = st.fixed_dictionaries(
    {
        "repeats": st.sampled_from([0, 0, 1, 5]),
        "repeats_inside": st.booleans(),
        "unstable": st.booleans(),
    }
)

Case = tuple[Feed, Server, tuple[int, int]]


@st.composite
def honest(draw: st.DrawFn, crowds: bool) -> Case:
    """Exchanges that take their times as `margin` says."""
    rows = draw(histories(crowds))
    margin = draw(_MARGINS)
    habits: dict[str, Any] = draw(BOUNDS)
    if margin < 1000:
        habits |= {"whole_start": False, "whole_end": False}
    if margin < 1:
        habits |= EXACT
    window = draw(WINDOWS)
    habits |= draw(_ORDERS)
    server = Server(rows, draw(caps(rows)), longest=window, **habits)
    return feed(Windows(margin), window), server, draw(ranges(rows))


@st.composite
def adverse(draw: st.DrawFn) -> Case:
    """The same, with habits that a walk may stop at."""
    listing, server, window = draw(honest(crowds=True))
    server.loses = draw(_LOST)
    if server.loses:
        server.longest = None
    for name, value in (draw(_REPEATS) | draw(changes(server.rows))).items():
        setattr(server, name, value)
    return listing, server, window


@examples(100)
def test_all_is_read_where_no_window_that_can_be_asked_for_is_full(examples: int) -> None:
    @tried(examples)
    @given(honest(crowds=False))
    def holds(case: Case) -> None:
        listing, server, (start, end) = case
        exact = not server.whole_start and not server.whole_end
        # a millisecond with its margin; or the smallest window, with its own and a cut second
        reach = (
            1 if exact and all(row.time % 1000 not in (0, 1, 999) for row in server.rows) else 3250
        )
        crowd = max(
            (len(server.within(t - reach, t + reach + 1)) for t, _ in server.rows), default=0
        )
        failed = walk(listing, server, start, end).failure
        assert not failed or crowd >= 10

    holds()


@examples(165)
def test_nothing_is_proved_that_was_not_read(examples: int) -> None:
    @tried(examples)
    @given(adverse())
    def holds(case: Case) -> None:
        listing, server, (start, end) = case
        walked = walk(listing, server, start, end)
        assert_late_rows(walked, server, partial(_asked, walked))

    holds()


def _asked(walked: Walk, place: int, time: int) -> int:
    """The request of a page; or of an earlier one that began there, and is proved by it. One may
    have followed that asked whether the exchange takes milliseconds."""
    starts = [page.start for page in walked.pages]
    return walked.requests[starts.index(starts[place])] - 1


@examples(30)
def test_a_full_answer_costs_three_requests_at_most(examples: int) -> None:
    """Its own, and one at each side of it. So a walk is `3 * rows / (smallest full answer - 1) + 1`
    at most, and in practice two requests an answer: one of its sides is the end of its window."""

    @tried(examples)
    @given(st.integers(0, 400), st.integers(10, 100), st.booleans(), st.sampled_from([0, 1, 1000]))
    def holds(size: int, cap: int, newest_first: bool, margin: int) -> None:
        rows = rows_at(list(range(0, 5000 * size, 5000)))
        server = Server(rows, cap, newest_first=newest_first)
        listing = feed(Windows(margin))
        assert not walk(listing, server, ZERO - 3000, ZERO + 5000 * size + 3000).failure
        full = max(0, size - 1) // (cap - 1)
        assert server.requests <= 1 + 2 * (full + 1) if size >= 10 else server.requests == 1

    holds()


@pytest.mark.parametrize("margin", [0, 1, 1000])
@pytest.mark.parametrize("newest_first", [True, False])
def test_a_crowd_larger_than_the_cap_is_detected(margin: int, newest_first: bool) -> None:
    rows = rows_at([*range(3000, 3050), *[5432] * 11, *range(7000, 7050)])
    server = Server(rows, 10, newest_first=newest_first)
    walked = walk(feed(Windows(margin)), server, ZERO, ZERO + 10_000)
    assert "at most 10 rows" in walked.failure
    assert "14:13:25.43" in walked.failure
    # and everything else is there
    missing = Counter(row.time for row in rows)
    missing.subtract({int(row["time"]): 1 for page in walked.pages for row in page.rows})
    proved = sum(page.end - page.start for page in walked.pages)
    assert 10_000 - proved <= 1 + 2 * margin
    assert server.requests < 150


def test_a_crowd_in_whole_seconds_does_not_cost_a_request_a_millisecond() -> None:
    rows = rows_at(list(range(5400, 5500)))
    server = Server(rows, 10, whole_start=True, whole_end=True)
    assert "at most 10 rows" in walk(feed(Windows()), server, ZERO, ZERO + 10_000).failure
    assert server.requests < 100


def test_a_crowd_is_forgiven_once_larger_answers_were_seen() -> None:
    # all eleven fills of one order in one millisecond, and nothing else in the newest window
    rows = rows_at([*range(1000, 31_000, 1000), *[60_500] * 11])
    server = Server(rows, 100)
    assert not walk(feed(Windows(), 32_000), server, ZERO, ZERO + 70_000).failure


def test_a_window_that_gets_lost_is_detected() -> None:
    server = Server(rows_at(list(range(0, 50_000, 1000))), 10, loses=frozenset({"start", "end"}))
    assert "at most 10 rows" in walk(feed(Windows()), server, ZERO, ZERO + 50_000).failure
    assert server.requests < 200


def test_repeated_rows_do_not_hide_that_an_answer_was_cut_off() -> None:
    # ten rows and five of them again; and then ten that were cut off
    server = Server(rows_at(list(range(0, 50_000, 1000))), 10, repeats=5)
    assert not walk(feed(Windows(0)), server, ZERO, ZERO + 50_000).failure


def test_a_crowd_smaller_than_the_documented_page_is_whole() -> None:
    """Funding of many markets is paid in one millisecond."""
    rows = rows_at([5432] * 12)
    server = Server(rows, 1000)
    assert "at most 12 rows" in walk(feed(Windows(1)), server, ZERO, ZERO + 10_000).failure
    page = Documented(page="exchange/page", dated="2026-01-01", limit=1000, default_limit=100)
    listing = feed(Windows(1), documented=page, params={"limit": 1000})
    assert not walk(listing, server, ZERO, ZERO + 10_000).failure
    # more rows than the default: the limit arrived
    assert not walk(listing, Server(rows_at([5432] * 250), 1000), ZERO, ZERO + 10_000).failure
    # exactly the default: it may have got lost
    assert walk(listing, Server(rows_at([5432] * 250), 100), ZERO, ZERO + 10_000).failure
