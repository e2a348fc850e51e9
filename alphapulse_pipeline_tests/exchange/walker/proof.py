"""Compares walks with the rows that the server had.

A walk is correct if, at every prefix of its pages (a run may be killed between any two), all rows
of the ranges proven so far are in the pages so far; and if the proven ranges are exactly the
requested range, without overlap, or `Incomplete` (or `Unreadable`) was raised. This holds for rows
that existed when the walk began. A row added during the walk may be missing from a proven range
only

* if the answer that proves its time had been requested before, or
* if it shares its millisecond with the first or last row of a page, since paging continues after
  that row.

The lag covers both: such recent ranges are not considered complete.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from alphapulse_pipeline.exchange.errors import Incomplete, Unreadable
from alphapulse_pipeline.exchange.feed import (
    MILLISECOND,
    Feed,
    Page,
    Paging,
    at,
    between,
    milliseconds,
)
from alphapulse_pipeline.exchange.walker import Whole
from alphapulse_pipeline_tests.exchange.walker.server import ZERO, Row, Server, row_at, rows_at

FEED = Feed("fills", Whole(), {}, at("rows"), milliseconds("time"), between("start", "end"))


@dataclass
class Walk:
    """What came of a walk."""

    pages: list[Page]
    requests: list[int]
    """How many requests had been sent when each page was handed out."""
    failure: str


def feed(paging: Paging, window: int | None = None, **changes: Any) -> Feed:
    """The server's listing; `window` in milliseconds."""
    longest = window * MILLISECOND if window else None
    return replace(FEED, paging=paging, window=longest, **changes)


def walk(feed: Feed, server: Server, start: int, end: int, after: str | None = None) -> Walk:
    async def collected() -> Walk:
        walk = Walk([], [], "")
        held: set[int] = set()
        proved: list[tuple[int, int]] = []
        try:
            async for page in feed.paging.walk(server, feed, start, end, after):
                walk.pages.append(page)
                walk.requests.append(server.requests)
                # of this page's time alone: what is held only grows
                held |= {int(row["id"]) for row in page.rows}
                assert all(start <= int(row["time"]) < end for row in page.rows)
                assert start <= page.start <= page.end <= end
                lost = [
                    row
                    for row in server.within(page.start, page.end)
                    if row.id not in held and server.appeared[row] == 0
                ]
                assert not lost, f"{lost} in {page.start}..{page.end}"
                proved.append((page.start, page.end))
        except (Incomplete, Unreadable) as failure:
            walk.failure = failure.problem
        _assert_all(proved, start, end, whole=not walk.failure)
        return walk

    return asyncio.run(collected())


def _assert_all(proved: list[tuple[int, int]], start: int, end: int, whole: bool) -> None:
    """Where nothing was raised, all of it."""
    reached = start
    for first, last in sorted(proved):
        assert first <= reached or not whole
        reached = max(reached, last)
    assert reached == end or not whole


def assert_late_rows(walk: Walk, server: Server, asked: Callable[[int, int], int]) -> None:
    """Rows that turned up before their time was asked for are there, where it is proved.

    `asked`: (place of the page that proves a time, the time) -> the request that asked for it.
    """
    held: set[int] = set()
    times = [[int(row["time"]) for row in page.rows] for page in walk.pages if page.rows]
    seams = {edge for page in times for edge in (min(page), max(page))}
    for place, page in enumerate(walk.pages):
        held |= {int(row["id"]) for row in page.rows}
        for row in server.within(page.start, page.end):
            if row.time not in seams and row.id not in held:
                assert server.appeared[row] > asked(place, row.time)


def passed(walk: Walk, server: Server, place: int, time: int) -> int:
    """The first request of a page's window that brought something older; at most its own."""
    own = walk.requests[place]
    window = {name: server.asked[own - 1].get(name) for name in ("start", "end")}
    return next(
        number
        for number in range(1, own + 1)
        if number == own
        or (server.oldest[number - 1] < time and window.items() <= server.asked[number - 1].items())
    )


def examples(quick: int) -> pytest.MarkDecorator:
    """So many examples in the quick suite, thirty times as many at night."""
    nightly = pytest.param(30 * quick, marks=pytest.mark.nightly)
    return pytest.mark.parametrize("examples", [quick, nightly])


def tried(examples: int) -> settings:
    return settings(
        max_examples=examples,
        deadline=None,
        report_multiple_bugs=False,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )


_GAPS = st.sampled_from([1, 1, 2, 3, 250, 999, 1000, 1001, 1700])
_SIZES = st.sampled_from([1, 1, 1, 1, 2, 3, 5])
_CROWDS = st.sampled_from([1, 1, 1, 1, 2, 3, 9, 10, 11, 21, 45])

_SPARSE, _CROWDED = (
    st.tuples(st.integers(0, 1999), st.lists(st.tuples(_GAPS, sizes), max_size=9))
    for sizes in (_SIZES, _CROWDS)
)


@st.composite
def histories(draw: st.DrawFn, crowds: bool = True) -> list[Row]:
    """Rows in clumps of one millisecond; with `crowds`, also larger ones than most caps."""
    time, clumps = draw(_CROWDED if crowds else _SPARSE)
    times = []
    for gap, size in clumps:
        times += [time] * size
        time += gap
    return rows_at(times)


@st.composite
def ranges(draw: st.DrawFn, rows: list[Row]) -> tuple[int, int]:
    """`[start, end)`, its ends at rows, just beside them, or far from them."""
    ends = draw(_ENDS)
    if not rows or ends is None:
        return ZERO - 3000, (rows[-1].time if rows else ZERO) + 3000
    one, other = (rows[place % len(rows)].time + beside for place, beside in ends)
    return min(one, other), max(one, other)


@st.composite
def caps(draw: st.DrawFn, rows: list[Row]) -> int:
    """10 to 100; also just what there is, one more and one less."""
    cap, near = draw(_CAPS), draw(_NEAR)
    return cap if near is None else min(max(10, len(rows) + near), 100)


@st.composite
def changes(draw: st.DrawFn, rows: list[Row]) -> dict[str, Any]:
    """Rows that turn up late, between others or newer than all; and oldest ones that go."""
    arrivals: dict[int, list[Row]] = {}
    for number, place, beside, n in draw(_ARRIVALS):
        time = rows[place % len(rows)].time if rows else ZERO
        arrivals.setdefault(number, []).append(row_at(max(0, time + beside - ZERO), n))
    return {"arrivals": arrivals, "departures": dict(draw(_DEPARTURES))}


_ENDS = st.none() | st.tuples(
    *[st.tuples(st.integers(0, 250), st.sampled_from([-1000, -1, 0, 1, 999]))] * 2
)
_CAPS = st.sampled_from([10, 10, 11, 20, 50, 100])
_NEAR = st.sampled_from([None, None, -1, 0, 1])
_NUMBERS = st.integers(2, 12)
_ARRIVALS = st.lists(
    st.tuples(
        _NUMBERS,
        st.integers(0, 250),
        st.sampled_from([-1, 0, 1, 1500]),
        st.sampled_from([0, 5000, 9999]),
    ),
    max_size=6,
)
_DEPARTURES = st.lists(st.tuples(_NUMBERS, st.integers(1, 12)), max_size=2)

WINDOWS: st.SearchStrategy[int | None] = st.sampled_from([None, None, None, 2500, 5000])


def lost(names: list[str]) -> st.SearchStrategy[frozenset[str]]:
    """Mostly nothing."""
    return st.just(frozenset[str]()) | st.frozensets(st.sampled_from(names), max_size=2)


BOUNDS: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {name: st.booleans() for name in ("open_start", "open_end", "whole_start", "whole_end")}
)
