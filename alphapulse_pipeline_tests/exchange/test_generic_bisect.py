"""Orders filtered by last change or by creation: the exchange does not document which."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphapulse_pipeline.exchange.errors import Incomplete
from alphapulse_pipeline.exchange.feed import Feed, Page, Raw, between, milliseconds
from alphapulse_pipeline.exchange.walker.bisect import Bisect

END = 60_000
FEED = Feed(
    "list",
    Bisect(),
    time=milliseconds("created"),
    between=between("from", "to"),
    window=timedelta(seconds=20),
)
# (placed, changed so much later)
ORDERS = st.lists(st.tuples(st.integers(1, END - 1), st.integers(0, END)), max_size=80)
Server = Callable[[Mapping[str, Any]], list[Raw]]


def made(times: list[tuple[int, int]]) -> list[Raw]:
    return [
        {"id": number, "created": created, "changed": min(created + later, END - 1)}
        for number, (created, later) in enumerate(times)
    ]


def server(orders: list[Raw], by: str, cap: int, newest_first: bool) -> Server:
    def answer(params: Mapping[str, Any]) -> list[Raw]:
        inside = [order for order in orders if params["from"] <= order[by] <= params["to"]]
        inside.sort(key=lambda order: order[by], reverse=newest_first)
        return sorted(inside[:cap], key=lambda order: int(order["created"]))

    return answer


def walk(answer: Server) -> tuple[list[Page], str, int]:
    """The pages, why it ended early, how many requests were made."""
    asked = 0

    async def call(method: str, params: Mapping[str, Any]) -> Any:
        nonlocal asked
        asked += 1
        return answer(params)

    async def collect() -> tuple[list[Page], str]:
        pages = []
        try:
            async for page in FEED.paging.walk(call, FEED, 0, END, None):
                pages.append(page)
        except Incomplete as error:
            return pages, str(error)
        return pages, ""

    pages, why = asyncio.run(collect())
    return pages, why, asked


@given(ORDERS, st.sampled_from(["created", "changed"]), st.integers(10, 30), st.booleans())
def test_an_order_is_there_or_its_time_is_not_proved(
    times: list[tuple[int, int]], by: str, cap: int, newest_first: bool
) -> None:
    orders = made(times)
    pages, why, _ = walk(server(orders, by, cap, newest_first))
    found = {row["id"] for page in pages for row in page.rows}
    proved = [(page.start, page.end) for page in pages if page.start < page.end]
    for order in orders:
        assert order["id"] in found or not any(a <= order[by] < b for a, b in proved)
    if not why:
        assert sum(end - start for start, end in proved) == END


def test_a_burst_beyond_the_cap_is_reported() -> None:
    pages, why, _ = walk(server(made([(30_500, 0)] * 25 + [(100, 0)]), "created", 20, True))
    assert "at most 20 rows" in why
    proved = [(page.start, page.end) for page in pages if page.start < page.end]
    assert not any(start <= 30_500 < end for start, end in proved)
    assert any(start <= 100 < end for start, end in proved)


@pytest.mark.parametrize("ignored", [{"from": 0}, {"to": END}, {"from": 0, "to": END}])
def test_an_exchange_that_ignores_windows_is_detected_soon(
    ignored: dict[str, int],
) -> None:
    orders = made([(time, 0) for time in range(1, END, 500)])
    listed = server(orders, "created", 15, "from" in ignored)
    _, why, asked = walk(lambda window: listed({**window, **ignored}))
    assert why
    assert asked < 100


def test_an_exchange_that_ignores_windows_but_has_few_rows_is_complete() -> None:
    orders = made([(time, 0) for time in range(1, END, 10_000)])
    pages, why, _ = walk(lambda window: orders)
    assert not why
    assert {row["id"] for page in pages for row in page.rows} == {o["id"] for o in orders}
