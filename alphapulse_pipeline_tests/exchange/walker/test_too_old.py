"""Windows that an exchange refuses as too old: nothing that it serves is given up."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from ccxt.base.errors import BadRequest
from hypothesis import given
from hypothesis import strategies as st

from alphapulse_pipeline.exchange.errors import Kind, kind_of
from alphapulse_pipeline.exchange.feed import Feed, Page, Paging, between, milliseconds
from alphapulse_pipeline.exchange.walker import FromId, FromIdOrWindows, Windows
from alphapulse_pipeline.exchange.walker.bisect import Bisect
from alphapulse_pipeline.exchange.walker.too_old import walk_served

HOUR, DAY = 3_600_000, 86_400_000
NOW = 1_790_000_000_000
REFUSED = 'binance {"code":-4166,"msg":"Search window is restricted to recent 90 days only."}'
IDS = FromId("fromId", lambda row: int(row["id"]))


def feed_of(paging: Paging) -> Feed:
    return Feed(
        "list",
        paging,
        {"limit": 1000},
        time=milliseconds("time"),
        between=between("start", "end"),
        window=timedelta(days=7),
    )


def pages_of(paging: Paging, rows: list[int], edge: int, start: int) -> tuple[list[Page], int]:
    """The pages of `[start, NOW)`, and how many requests they took."""
    asked = 0

    async def call(method: str, params: Mapping[str, Any]) -> list[dict[str, str]]:
        nonlocal asked
        asked += 1
        if int(params.get("start", 0)) < edge:
            raise BadRequest(REFUSED)
        listed = [row for row in rows if params["start"] <= row <= params["end"]]
        return [{"id": str(row), "time": str(row)} for row in listed]

    async def walk() -> list[Page]:
        return [page async for page in walk_served(call, feed_of(paging), start, NOW)]

    return asyncio.run(walk()), asked


@given(
    st.sampled_from([Windows(), Bisect(), FromIdOrWindows(IDS, Windows(), timedelta(days=7))]),
    st.sets(st.integers(1, 60 * DAY), max_size=30),
    st.integers(1, 60 * DAY),
)
def test_only_what_is_too_old_is_left_out(paging: Paging, ages: set[int], kept: int) -> None:
    rows, edge, start = sorted(NOW - age for age in ages), NOW - kept, NOW - 60 * DAY
    pages, asked = pages_of(paging, rows, edge, start)
    found = {int(row["time"]) for page in pages for row in page.rows}
    # windows are requested with a margin, and the edge is found to a minute
    assert found >= {row for row in rows if row >= edge + 62_000}
    left = [page for page in pages if page.unverified]
    assert len(left) <= 1
    read_from = left[0].end if left else start
    assert read_from <= max(start, edge + 62_000)
    for page in left:
        assert (page.start, page.rows) == (start, [])
        assert "recent 90 days only" in page.unverified
    proved = sorted((page.start, page.end) for page in pages if not page.unverified)
    for begin, end in proved:
        assert begin <= read_from
        read_from = max(read_from, end)
    assert read_from == NOW
    assert asked < 60


def test_nothing_is_left_out_of_what_is_served_whole() -> None:
    pages, _ = pages_of(Windows(), [NOW - DAY], 0, NOW - 30 * DAY)
    assert [page.unverified for page in pages if page.unverified] == []


def test_a_refusal_of_ids_after_older_pages_is_a_failure() -> None:
    """What is left is newer, so it is not too old."""
    feed = Feed("list", IDS, time=milliseconds("time"))

    async def call(method: str, params: Mapping[str, Any]) -> list[dict[str, str]]:
        if params["fromId"] > 2:
            raise BadRequest(REFUSED)
        ids = range(params["fromId"], min(params["fromId"] + 2, 4))
        return [{"id": str(n), "time": str(NOW - DAY + n)} for n in ids]

    async def walk() -> list[Page]:
        return [page async for page in walk_served(call, feed, NOW - 2 * DAY, NOW, None)]

    with pytest.raises(BadRequest) as refused:
        asyncio.run(walk())
    assert kind_of(refused.value) is Kind.TOO_OLD
