"""Numbered pages without a count: whatever gets lost or shifts, no row is missed in silence."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphapulse_pipeline.exchange.documented import Documented
from alphapulse_pipeline.exchange.errors import Incomplete
from alphapulse_pipeline.exchange.feed import Feed, Page, at, milliseconds
from alphapulse_pipeline.exchange.walker import Final, Uncounted
from alphapulse_pipeline_tests.exchange.walker.proof import examples, tried

_LIMIT, _DEFAULT = 10, 4
_PAGING = Uncounted("page", at("id"))
_FEED = Feed(
    "swaps",
    _PAGING,
    {"limit": _LIMIT},
    at("rows"),
    milliseconds("time"),
    documented=Documented(page="", dated="", limit=_LIMIT, default_limit=_DEFAULT),
)


@dataclass
class _Numbered:
    """Answers a page of `ids`; `loses`: number of the request -> the parameter that it lacks."""

    ids: list[int]
    loses: Mapping[int, str] = field(default_factory=dict)
    first: Mapping[int, int] = field(default_factory=dict)
    """Number of the request before which a row is added to the front -> its id."""
    shorter: Mapping[int, int] = field(default_factory=dict)
    """Number of the request -> how many rows are missing at the end of its page."""
    requests: int = 0

    async def __call__(self, method: str, params: Mapping[str, Any]) -> dict[str, Any]:
        self.requests += 1
        if self.requests in self.first:
            self.ids.insert(0, self.first[self.requests])
        lost = self.loses.get(self.requests)
        size = _DEFAULT if lost == "limit" else int(params["limit"])
        page = 1 if lost == "page" else int(params["page"])
        found = self.ids[(page - 1) * size : page * size]
        found = found[: len(found) - self.shorter.get(self.requests, 0)]
        return {"rows": [{"id": str(one), "time": str(one)} for one in found]}


def _read(server: _Numbered) -> list[int]:
    return [int(row["id"]) for row in asyncio.run(_PAGING.everything(server, _FEED))]


@pytest.mark.parametrize(
    ("rows", "requests"),
    [(0, 1), (3, 1), (4, 2), (9, 2), (10, 2), (11, 2), (14, 3), (20, 3), (23, 3)],
)
def test_all_pages_are_read(rows: int, requests: int) -> None:
    """One request more than the pages where the last one does not prove that it is the last."""
    server = _Numbered(list(range(1, rows + 1)))
    assert _read(server) == server.ids
    assert server.requests == requests


@examples(200)
def test_whatever_is_lost_is_noticed(examples: int) -> None:
    @tried(examples)
    @given(
        st.integers(0, 45),
        st.dictionaries(st.integers(1, 8), st.sampled_from(["limit", "page"]), max_size=8),
        st.dictionaries(st.integers(2, 8), st.integers(1_000, 1_005), max_size=2),
    )
    def check(rows: int, loses: dict[int, str], first: dict[int, int]) -> None:
        before = list(range(1, rows + 1))
        try:
            found = _read(_Numbered([*before], loses, first))
        except Incomplete:
            return
        assert set(before) <= set(found)

    check()


def test_a_page_that_is_too_short_and_not_the_last_one() -> None:
    with pytest.raises(Incomplete, match="has other rows after a page of 7"):
        _read(_Numbered(list(range(1, 26)), shorter={1: 3}))


def test_a_row_added_meanwhile_shifts_the_pages() -> None:
    with pytest.raises(Incomplete, match="repeat rows"):
        _read(_Numbered(list(range(1, 16)), first={2: 99}))


def test_what_is_not_final_is_left_out_and_its_time_proves_nothing() -> None:
    async def walked() -> list[Page]:
        paging = Final(_PAGING, lambda row: row["id"] in "37")
        return [page async for page in paging.walk(_Numbered([8, 7, 3, 1]), _FEED, 1, 9)]

    pages = asyncio.run(walked())
    assert [(page.start, page.end) for page in pages] == [(1, 3), (4, 7), (8, 9)]
    assert [row["id"] for page in pages for row in page.rows] == ["8", "1"]
