"""Ids, where the page leaves open whether they reach back further than a few days."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphapulse_pipeline.exchange.documented import Documented
from alphapulse_pipeline.exchange.walker import FromId, FromIdOrWindows, Windows
from alphapulse_pipeline.exchange.walker.bisect import Bisect
from alphapulse_pipeline_tests.exchange.walker.proof import (
    examples,
    feed,
    histories,
    ranges,
    tried,
    walk,
)
from alphapulse_pipeline_tests.exchange.walker.server import ZERO, Row, Server, rows_at

RECENT = 5000
IDS = FromId("from", lambda row: int(row["id"]))
CAP = 20
"""More rows than three milliseconds have."""
LISTING = feed(
    FromIdOrWindows(IDS, Windows(margin=1), timedelta(milliseconds=RECENT)),
    RECENT,
    documented=Documented(page="", dated="", limit=CAP),
)


@examples(80)
def test_nothing_is_lost_whether_ids_reach_back_or_not(examples: int) -> None:
    @tried(examples)
    @given(histories(crowds=False), st.data())
    def holds(rows: list[Row], data: st.DataObject) -> None:
        start, end = data.draw(ranges(rows))
        known = [row for row in rows if row.time < start]
        newest = [row for row in known if row.time == known[-1].time]
        after = data.draw(st.none() | st.sampled_from(newest)) if newest else None
        now = max([end, *(row.time for row in rows)])
        reach = data.draw(st.sampled_from([0, now - RECENT]))
        server = Server(rows, CAP, newest_first=False, oldest_without_times=reach)
        assert not walk(LISTING, server, start, end, str(after.id) if after else None).failure

    holds()


def test_pages_by_id_alone_lose_what_ids_do_not_reach() -> None:
    """What the walker is for."""
    server = Server(rows_at([0, 20_000]), 10, oldest_without_times=ZERO + 20_000 - RECENT)
    with pytest.raises(AssertionError, match="in "):
        walk(feed(IDS), server, ZERO, ZERO + 20_001)


def test_ids_that_reach_back_cost_no_windows() -> None:
    server = Server(rows_at([0, 20_000]), 10)
    assert not walk(LISTING, server, ZERO, ZERO + 20_001).failure
    assert server.requests == 2


def test_a_known_row_that_is_not_returned_leads_to_windows() -> None:
    rows = rows_at([0, 20_000])
    server = Server(rows, 10, oldest_without_times=ZERO + 20_000 - RECENT)
    walked = walk(LISTING, server, ZERO + 1, ZERO + 20_001, str(rows[0].id))
    assert not walked.failure
    assert [row["id"] for page in walked.pages for row in page.rows] == [str(rows[1].id)]


def test_windows_may_be_halved_instead() -> None:
    """For lists that may filter by a row's last change."""
    halved = FromIdOrWindows(IDS, Bisect(), timedelta(milliseconds=RECENT))
    server = Server(rows_at([0, 20_000]), 10, oldest_without_times=ZERO + 20_000 - RECENT)
    assert not walk(feed(halved, RECENT), server, ZERO, ZERO + 20_001).failure
