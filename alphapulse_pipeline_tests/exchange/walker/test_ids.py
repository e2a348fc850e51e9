"""Ids: pages that go on from a row that is known."""

import math
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphapulse_pipeline.exchange.feed import Feed
from alphapulse_pipeline.exchange.walker import FromId
from alphapulse_pipeline_tests.exchange.walker.proof import (
    assert_late_rows,
    caps,
    changes,
    examples,
    feed,
    histories,
    ranges,
    tried,
    walk,
)
from alphapulse_pipeline_tests.exchange.walker.server import ZERO, Row, Server, rows_at

LISTING = feed(FromId("from", lambda row: int(row["id"])), between=lambda first, last: {})
_HABITS = st.fixed_dictionaries(
    {
        "loses": st.sampled_from([frozenset[str]()] * 3 + [frozenset({"from"})]),
        "open_from": st.sampled_from([False, False, False, True]),
        "shuffled": st.sampled_from([False, False, False, True]),
        "repeats": st.sampled_from([0, 0, 0, 1]),
    }
)

Case = tuple[Feed, Server, tuple[int, int], str | None]


@st.composite
def tolerable(draw: st.DrawFn) -> Case:
    """Exchanges with such habits only as must not stop a walk."""
    rows = draw(histories())
    start, end = draw(ranges(rows))
    # any row of the newest millisecond that is known
    known = [row for row in rows if row.time < start]
    newest = [row for row in known if row.time == known[-1].time]
    after = draw(st.none() | st.sampled_from(newest)) if newest else None
    return LISTING, Server(rows, draw(caps(rows))), (start, end), str(after.id) if after else None


@st.composite
def intolerable(draw: st.DrawFn) -> Case:
    """The same, with habits that a walk may stop at."""
    _, server, window, after = draw(tolerable())
    for name, value in (draw(_HABITS) | draw(changes(server.rows))).items():
        setattr(server, name, value)
    return LISTING, server, window, after


@examples(80)
def test_all_is_read_and_every_prefix_holds_what_it_proves(examples: int) -> None:
    @tried(examples)
    @given(tolerable())
    def holds(case: Case) -> None:
        listing, server, (start, end), after = case
        assert not walk(listing, server, start, end, after).failure

    holds()


@examples(115)
def test_nothing_is_proved_that_was_not_read(examples: int) -> None:
    @tried(examples)
    @given(intolerable())
    def holds(case: Case) -> None:
        listing, server, (start, end), after = case
        walked = walk(listing, server, start, end, after)
        # a page is handed out when the one after it was read
        assert_late_rows(walked, server, lambda place, _: walked.requests[place] - 1)

    holds()


@examples(30)
def test_ids_that_do_not_rise_with_time_are_detected(examples: int) -> None:
    @tried(examples)
    @given(histories(), st.data())
    def holds(rows: list[Row], data: st.DataObject) -> None:
        places = [n for n in range(len(rows) - 1) if rows[n].time < rows[n + 1].time]
        if not places:
            return
        n = data.draw(st.sampled_from(places))
        one, other = rows[n], rows[n + 1]
        rows[n : n + 2] = [Row(one.time, other.id), Row(other.time, one.id)]
        server = Server(rows, data.draw(caps(rows)))
        assert walk(LISTING, server, ZERO, ZERO + 90_000).failure

    holds()


@examples(30)
def test_requests_are_one_more_than_pages(examples: int) -> None:
    """Pages overlap in one row; the last brings nothing else."""

    @tried(examples)
    @given(histories(), st.data())
    def holds(rows: list[Row], data: st.DataObject) -> None:
        cap = data.draw(caps(rows))
        known = data.draw(st.integers(0, len(rows)))
        server = Server(rows, cap)
        if known:
            pages = math.ceil((len(rows) - known) / (cap - 1))
            # the known row's milliseconds are read again, and that is all
            walk(LISTING, server, rows[known - 1].time + 1, ZERO + 90_000, str(rows[known - 1].id))
            assert server.requests == pages + 1
        elif rows:
            pages = 1 + max(0, math.ceil((len(rows) - cap) / (cap - 1)))
            walk(LISTING, server, ZERO, ZERO + 90_000)
            assert server.requests == pages + 1

    holds()


@pytest.mark.parametrize(
    ("habits", "words"),
    [
        ({"loses": frozenset({"from"})}, "not oldest first by id"),
        ({"open_from": True}, "does not continue from"),
        ({"shuffled": True}, "not oldest first"),
        ({"repeats": 1}, "not oldest first"),
    ],
)
def test_a_server_with_other_habits_is_detected(habits: dict[str, Any], words: str) -> None:
    server = Server(rows_at([5, 6, 7, 8] * 5), 10, **habits)
    with pytest.raises(AssertionError, match=words):
        raise AssertionError(walk(LISTING, server, ZERO, ZERO + 10).failure)


def test_a_last_row_with_another_time_than_in_the_next_answer_is_detected() -> None:
    """Or its page would prove too much, and the rows of the next one would be left out."""

    class Corrupted(Server):
        async def __call__(self, method: str, params: Mapping[str, Any]) -> dict[str, Any]:
            answer = await super().__call__(method, params)
            if self.requests == 1:
                last = answer["rows"][-1]
                answer["rows"][-1] = {**last, "time": type(last["time"])(ZERO + 100)}
            return answer

    server = Corrupted(rows_at(list(range(1, 20))), 10)
    walked = walk(LISTING, server, ZERO, ZERO + 50)
    assert "another time" in walked.failure
    assert walked.pages == []


def test_a_deleted_known_row_is_detected() -> None:
    # an empty list despite a known row: a different account, or a broken answer
    assert (
        "no longer returns the row" in walk(LISTING, Server([], 10), ZERO, ZERO + 10, "7").failure
    )


def test_a_page_waits_for_the_one_after_it() -> None:
    server = Server(rows_at(list(range(1, 20))), 10)
    walked = walk(LISTING, server, ZERO, ZERO + 100)
    assert [(page.start - ZERO, page.end - ZERO) for page in walked.pages] == [(0, 10), (10, 100)]
    # the first; the second; the end
    assert walked.requests == [2, 3]
