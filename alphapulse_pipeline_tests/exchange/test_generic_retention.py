"""Empty pages prove a range only if the exchange has served an older row."""

import asyncio
import itertools
from collections.abc import AsyncGenerator

from hypothesis import given
from hypothesis import strategies as st

from alphapulse_pipeline.exchange.feed import Feed, Page, Raw, milliseconds
from alphapulse_pipeline.exchange.walker import Windows
from alphapulse_pipeline.exchange.walker.unknown_retention import limit_to_oldest_row

NOW = 10_000
FEED = Feed("list", Windows(), time=milliseconds("time"))


def limited(
    pages: list[Page], sure_from: int, known_row: int | None = None, served: bool = False
) -> list[Page]:
    async def walk() -> AsyncGenerator[Page, None]:
        for page in pages:
            yield page

    async def answered(time: int) -> bool:
        assert time == known_row
        return served

    async def collect() -> list[Page]:
        walked = limit_to_oldest_row(walk(), sure_from, known_row, answered, FEED.moment)
        return [page async for page in walked]

    return asyncio.run(collect())


def rows(*times: int) -> list[Raw]:
    return [{"time": time} for time in times]


def covered(pages: list[Page]) -> set[int]:
    return {time for page in pages for time in range(page.start, page.end)}


@st.composite
def walks(draw: st.DrawFn) -> tuple[list[Page], list[int]]:
    """A walk over [1, 61) that goes newest first in pieces, and the times of its rows."""
    times = draw(st.lists(st.integers(1, 60), max_size=6))
    cuts = sorted({1, 61, *draw(st.lists(st.integers(2, 60), max_size=6))}, reverse=True)
    pages = [
        Page(rows(*(time for time in times if start <= time < end)), start, end)
        for end, start in itertools.pairwise(cuts)
    ]
    # the walker asks for the middle of a window before its newer part
    if draw(st.booleans()) and len(pages) > 1:
        pages[0], pages[1] = pages[1], pages[0]
    return pages, times


@given(walks(), st.integers(0, 70), st.none() | st.integers(0, 70), st.booleans())
def test_nothing_is_proved_that_is_older_than_the_oldest_row(
    walk: tuple[list[Page], list[int]], sure_from: int, known_row: int | None, served: bool
) -> None:
    pages, times = walk
    found = limited(pages, sure_from, known_row, served)
    assert sorted(row["time"] for page in found for row in page.rows) == sorted(times)
    assert covered(found) == covered(pages)
    proved = covered([page for page in found if not page.unverified])
    unverified = covered([page for page in found if page.unverified])
    still_served = [known_row] if served and known_row is not None else []
    served_from = min([sure_from, *still_served, *times])
    assert proved == {time for time in covered(pages) if time >= served_from}
    assert unverified == covered(pages) - proved
    assert not any(page.rows for page in found if page.unverified)


@given(walks(), st.integers(0, 70))
def test_what_is_sure_does_not_wait_for_what_is_not(
    walk: tuple[list[Page], list[int]], sure_from: int
) -> None:
    pages, _ = walk
    for asked in range(len(pages) + 1):
        served_from = min([sure_from, *(r["time"] for p in pages[:asked] for r in p.rows)])
        so_far = [page for page in limited(pages[:asked], sure_from) if not page.unverified]
        assert covered(so_far) == {t for t in covered(pages[:asked]) if t >= served_from}


def test_a_quiet_account_gets_a_reason() -> None:
    found = limited([Page([], 5_000, NOW), Page([], 0, 5_000)], 9_000)
    assert [(page.start, page.end, bool(page.unverified)) for page in found] == [
        (9_000, NOW, False),
        (5_000, 9_000, True),
        (0, 5_000, True),
    ]
    assert "how far back it keeps rows is not known" in found[-1].unverified
