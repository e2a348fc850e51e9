"""Lists whose rows disappear some time after they ended."""

import asyncio
from collections.abc import Mapping
from typing import Any

from alphapulse_pipeline.exchange.feed import Feed, Page, at, milliseconds
from alphapulse_pipeline.exchange.walker import Cursor, RecentlyEnded
from alphapulse_pipeline_tests.exchange.walker.server import ZERO, Server, rows_at

LIST = Feed(
    "ended",
    RecentlyEnded(Cursor("cursor", lambda answer, _: answer["cursor"])),
    {},
    at("rows"),
    milliseconds("time"),
)


def pages(call: Any, start: int, end: int) -> list[Page]:
    async def collected() -> list[Page]:
        return [page async for page in LIST.paging.walk(call, LIST, start, end, None)]

    return asyncio.run(collected())


def test_all_pages_prove_what_was_requested_and_keep_older_rows() -> None:
    server = Server(rows_at([1, 5, 9, 12]), 2)
    [page] = pages(server, ZERO + 5, ZERO + 20)
    assert (page.start, page.end) == (ZERO + 5, ZERO + 20)
    assert sorted(int(row["time"]) - ZERO for row in page.rows) == [1, 5, 9, 12]
    assert server.requests > 1


def test_a_row_without_a_time_comes_with_the_requested_range() -> None:
    row = {"id": "1", "time": ""}

    async def answer(method: str, params: Mapping[str, Any]) -> Any:
        return {"rows": [row], "cursor": ""}

    assert pages(answer, ZERO, ZERO + 1) == [Page([row], ZERO, ZERO + 1)]
