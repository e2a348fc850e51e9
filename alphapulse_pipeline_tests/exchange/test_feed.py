"""Paging proves what it claims, whatever the pages look like, and says so where they lie."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphapulse_pipeline.exchange.errors import Incomplete
from alphapulse_pipeline.exchange.feed import MILLISECOND, Feed, Page, walk

ZERO = datetime(2026, 9, 1, tzinfo=UTC)
FEED = Feed("fills", {}, time="at", window=20 * MILLISECOND)


def at(millisecond: int) -> datetime:
    return ZERO + millisecond * MILLISECOND


def stamp(millisecond: int) -> int:
    return int(at(millisecond).timestamp()) * 1000 + millisecond % 1000


@dataclass
class Exchange:
    """Newest first, a page at a time; the cursor is the number of the last row of a page."""

    times: list[int]
    cap: int
    empty_pages: bool = False
    """Says that there is more also where there is not, as some do."""
    windows: list[tuple[int, int]] = field(default_factory=list)

    async def __call__(self, method: str, params: Mapping[str, Any]) -> dict[str, Any]:
        start, end = params["startTime"], params["endTime"]
        self.windows.append((start, end))
        numbered = sorted(enumerate(self.times), key=lambda pair: (pair[1], pair[0]), reverse=True)
        inside = [(n, stamp(t)) for n, t in numbered if start <= stamp(t) <= end]
        if cursor := params.get("cursor"):
            names = [str(n) for n, _ in inside]
            inside = inside[names.index(cursor) + 1 :] if cursor in names else []
        page, more = inside[: self.cap], len(inside) > self.cap
        follows = more or (self.empty_pages and page)
        return answer([{"id": n, "at": str(t)} for n, t in page], page[-1][0] if follows else "")


def answer(rows: list[dict[str, Any]], cursor: object = "") -> dict[str, Any]:
    return {"result": {"list": rows, "nextPageCursor": str(cursor)}}


def pages_of(call: Any, start: int, end: int, feed: Feed = FEED) -> list[Page]:
    async def collect() -> list[Page]:
        return [page async for page in walk(call, feed, at(start), at(end))]

    return asyncio.run(collect())


@given(
    times=st.lists(st.integers(0, 60), max_size=40),
    cap=st.integers(1, 5),
    start=st.integers(0, 30),
    length=st.integers(0, 40),
    empty_pages=st.booleans(),
)
def test_every_prefix_of_the_pages_holds_what_it_proves(
    times: list[int], cap: int, start: int, length: int, empty_pages: bool
) -> None:
    exchange = Exchange(times, cap, empty_pages)
    end = start + length
    seen: set[int] = set()
    proved_from = at(end)
    for page in pages_of(exchange, start, end):
        seen |= {row["id"] for row in page.rows}
        assert page.end == proved_from  # contiguous, downwards
        proved_from = page.start
        assert {n for n, t in enumerate(times) if proved_from <= at(t) < at(end)} <= seen
    assert proved_from == at(start)
    assert seen == {n for n, t in enumerate(times) if start <= t < end}
    assert all(last - first < 20 for first, last in exchange.windows)


def test_an_empty_page_with_a_cursor_is_not_the_end() -> None:
    answers = {"": answer([], "a"), "a": answer([{"id": 1, "at": str(stamp(3))}])}

    async def call(method: str, params: Mapping[str, Any]) -> dict[str, Any]:
        return answers[params.get("cursor", "")]

    first, second = pages_of(call, 0, 10)
    assert (first.start, first.end) == (at(10), at(10))  # proves nothing
    assert [row["id"] for row in second.rows] == [1]
    assert (second.start, second.end) == (at(0), at(10))


def test_an_empty_page_that_points_to_itself_is_the_end() -> None:
    async def call(method: str, params: Mapping[str, Any]) -> dict[str, Any]:
        return answer([], "a")

    assert [(p.start, p.end) for p in pages_of(call, 0, 10)] == [(at(10), at(10)), (at(0), at(10))]


def rows(*times: int) -> list[dict[str, Any]]:
    return [{"at": str(stamp(t))} for t in times]


@pytest.mark.parametrize(
    ("pages", "words"),
    [
        ([answer(rows(10))], "outside of the window"),
        ([answer(rows(5, -1))], "outside of the window"),
        ([answer(rows(3, 5))], "not newest first"),
        ([answer(rows(5, 4), "a"), answer(rows(7))], "not newest first"),
        # the millisecond after the oldest row was proved by the first page
        ([answer(rows(5, 4), "a"), answer(rows(5))], "not newest first"),
        ([answer(rows(5), "a"), answer(rows(5), "a")], "same cursor twice"),
        ([answer(rows(5), "a"), answer(rows(4), "b"), answer(rows(3), "a")], "same cursor twice"),
        ([{"result": {}}], "without result.list"),
        ([{}], "without result.list"),
        ([{"result": {"list": None}}], "without result.list"),
        ([answer([{"id": "1"}])], "whose at is ''"),
        ([answer([{"at": "soon"}])], "whose at is 'soon'"),
    ],
)
def test_pages_that_contradict_themselves_prove_nothing(
    pages: list[dict[str, Any]], words: str
) -> None:
    left = iter(pages)

    async def call(method: str, params: Mapping[str, Any]) -> dict[str, Any]:
        return next(left)

    with pytest.raises(Incomplete, match=words):
        pages_of(call, 0, 10)
    assert next(left, None) is None


def test_times_between_milliseconds_are_refused() -> None:
    async def collect() -> None:
        end = at(10) + timedelta(microseconds=1)
        async for _ in walk(Exchange([], 1), FEED, at(0), end):
            pass

    with pytest.raises(ValueError, match="whole millisecond"):
        asyncio.run(collect())
