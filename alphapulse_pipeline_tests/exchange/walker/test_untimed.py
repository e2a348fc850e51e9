"""Rows without a time: no page proves the time that such a row really has, and no walk stops."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from alphapulse_pipeline.exchange.errors import Incomplete, Unreadable
from alphapulse_pipeline.exchange.feed import Feed, Page
from alphapulse_pipeline.exchange.walker.bisect import Bisect
from alphapulse_pipeline_tests.exchange.walker import test_counted, test_cursor, test_ids
from alphapulse_pipeline_tests.exchange.walker.proof import examples, tried
from alphapulse_pipeline_tests.exchange.walker.server import Server
from alphapulse_pipeline_tests.exchange.walker.test_windows import honest

Case = tuple[Feed, Server, tuple[int, int], str | None]


@dataclass
class Poisoned:
    """The server, some of whose rows have no time."""

    server: Server
    ids: set[str]

    async def __call__(self, method: str, params: Mapping[str, Any]) -> Any:
        answer = await self.server(method, params)
        rows = [row | {"time": ""} if row["id"] in self.ids else row for row in answer["rows"]]
        return answer | {"rows": rows}


@st.composite
def cases(draw: st.DrawFn) -> tuple[Case, set[str]]:
    case: Case = draw(
        st.one_of(
            test_counted.tolerable().map(lambda case: (*case, None)),
            test_cursor.tolerable().map(lambda case: (*case, None)),
            test_ids.tolerable(),
            honest(crowds=True).map(lambda case: (*case, None)),
            honest(crowds=False).map(
                lambda case: (replace(case[0], paging=Bisect()), *case[1:], None)
            ),
        )
    )
    rows = case[1].rows
    known = case[3]
    places = draw(st.sets(st.integers(0, max(0, len(rows) - 1)), max_size=4))
    ids = {str(rows[place].id) for place in places if rows}
    # a walk continues from a row that is stored, so it could be read
    return case, ids - {known}


def walked(call: Poisoned, feed: Feed, start: int, end: int, after: str | None) -> tuple[Any, str]:
    pages: list[Page] = []

    async def walk() -> str:
        try:
            async for page in feed.paging.walk(call, feed, start, end, after):
                pages.append(page)
        except (Incomplete, Unreadable) as failure:
            return failure.problem
        return ""

    return pages, asyncio.run(walk())


@examples(330)
def test_no_page_proves_the_time_of_a_row_without_one(examples: int) -> None:
    @tried(examples)
    @given(cases())
    def holds(drawn: tuple[Case, set[str]]) -> None:
        (feed, server, (start, end), after), ids = drawn
        pages, failure = walked(Poisoned(server, ids), feed, start, end, after)
        inside = server.within(start, end)
        held = {row["id"] for page in pages for row in page.rows}
        for row in inside:
            covering = [page for page in pages if page.start <= row.time < page.end]
            if str(row.id) in ids:
                # the ranges of the pages that it comes with stay gaps
                gaps = [page for page in pages if str(row.id) in {r["id"] for r in page.rows}]
                assert all(
                    any(gap.start <= row.time < gap.end for gap in gaps) for _ in covering
                ), (row, pages)
            elif covering or not failure:
                assert str(row.id) in held
        if not failure:
            assert ids & {str(row.id) for row in inside} <= held
        windowed = feed.paging.__class__.__name__ in ("Windows", "Bisect")
        assert windowed or not failure, failure

    holds()
