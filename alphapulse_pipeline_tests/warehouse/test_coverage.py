"""Coverage, compared with a model that is a plain set of milliseconds."""

import uuid
from datetime import timedelta
from itertools import pairwise
from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.warehouse.batches import Proof, TimeRange
from alphapulse_pipeline.warehouse.history_state import (
    Gap,
    HistoryState,
    newest_gap_before,
    no_history_requested,
)
from alphapulse_pipeline_tests.warehouse.rows import T0, at

DB = Connection[TupleRow]
SPAN = 40
ranges = st.tuples(st.integers(0, SPAN), st.integers(0, SPAN)).map(sorted).map(tuple)
PROPERTY = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60
)


def ms(bounds: tuple[int, ...]) -> TimeRange:
    start, end = (T0 + timedelta(milliseconds=number) for number in bounds)
    return TimeRange(start, end)


def prove(db: DB, account: str, bounds: tuple[int, ...], stream: str = "spot") -> None:
    with db.transaction():
        HistoryState(db, account, "trades").prove(Proof(stream, ms(bounds)))


def missing(db: DB, account: str, within: tuple[int, ...]) -> set[int]:
    """The milliseconds of all gaps. Gaps must come newest first and must not touch."""
    found = [gap.missing for gap in HistoryState(db, account, "trades").gaps(ms(within))]
    assert all(older.end < newer.start for newer, older in pairwise(found))
    step = timedelta(milliseconds=1)
    return {n for g in found for n in range((g.start - T0) // step, (g.end - T0) // step)}


@PROPERTY
@given(
    proofs=st.lists(ranges, max_size=8),
    lost=st.lists(ranges, max_size=3),
    within=ranges,
    shuffled=st.randoms(use_true_random=False),
)
def test_gaps_are_what_is_wanted_and_neither_covered_nor_lost(
    db: DB,
    proofs: list[tuple[int, ...]],
    lost: list[tuple[int, ...]],
    within: tuple[int, ...],
    shuffled: Random,
) -> None:
    one, other = str(uuid.uuid4()), str(uuid.uuid4())
    for account in (one, other):
        HistoryState(db, account, "trades").want([("spot", "test")], ms((0, SPAN)))
        for bounds in lost:
            HistoryState(db, account, "trades").mark_unreachable("spot", ms(bounds), "old")
        for bounds in proofs:
            prove(db, account, bounds)
        shuffled.shuffle(proofs)
        shuffled.shuffle(lost)
    known = {n for start, end in proofs + lost for n in range(start, end)}
    assert missing(db, one, within) == set(range(*within)) - known
    assert missing(db, one, (0, SPAN)) == missing(db, other, (0, SPAN))
    disjoint = db.execute(
        "SELECT bool_and(isempty(covered * unreachable)) FROM alphapulse.coverage"
    )
    assert disjoint.fetchone() in [(True,), (None,)]
    stored = db.execute(
        "SELECT covered FROM alphapulse.coverage WHERE account = ANY(%s)", [[one, other]]
    ).fetchall()
    assert len({str(row[0]) for row in stored}) <= 1, "the order of proofs must not matter"


def test_streams_do_not_cover_each_other(db: DB) -> None:
    HistoryState(db, "bybit", "trades").want([("spot", "x"), ("linear", "x")], ms((0, 10)))
    prove(db, "bybit", (0, 10), stream="spot")
    assert HistoryState(db, "bybit", "trades").gaps(ms((0, 10))) == [Gap("linear", ms((0, 10)))]
    assert HistoryState(db, "okx", "trades").gaps(ms((0, 10))) == []


def test_newest_gaps_come_first(db: DB) -> None:
    HistoryState(db, "bybit", "trades").want([("spot", "x")], ms((0, 40)))
    prove(db, "bybit", (10, 20))
    gaps = HistoryState(db, "bybit", "trades").gaps(ms((0, 40)))
    assert gaps == [Gap("spot", ms((20, 40))), Gap("spot", ms((0, 10)))]


def wanted(db: DB) -> str:
    row = db.execute("SELECT wanted::text FROM alphapulse.streams").fetchone()
    assert row
    return str(row[0])


def test_wanted_begins_where_it_is_said_now_and_never_shrinks_at_its_end(db: DB) -> None:
    for bounds, expected in (((10, 20), (10, 20)), ((5, 15), (5, 20)), ((12, 30), (12, 30))):
        HistoryState(db, "bybit", "trades").want([("spot", "x")], ms(bounds))
        found = db.execute("SELECT lower(wanted), upper(wanted) FROM alphapulse.streams").fetchone()
        assert found == (ms(expected).start, ms(expected).end)


def test_a_history_that_begins_only_now_wants_nothing(db: DB) -> None:
    for _ in range(2):  # the second time must not take "nothing" for "everything, for ever"
        HistoryState(db, "bybit", "trades").want([("spot", "x")], ms((5, 5)))
        assert wanted(db) == "empty"
    assert newest_gap_before(db, "bybit", ["trades"], at(60)) is None
    HistoryState(db, "bybit", "trades").want([("spot", "x")], ms((5, 9)))
    assert newest_gap_before(db, "bybit", ["trades"], at(60)) == ms((5, 9))


def test_the_newest_gap_before_a_time(db: DB) -> None:
    HistoryState(db, "bybit", "trades").want([("spot", "x")], ms((0, 40)))
    HistoryState(db, "bybit", "orders").want([("spot", "x")], ms((0, 25)))
    prove(db, "bybit", (5, 10))
    both = ["trades", "orders"]
    assert newest_gap_before(db, "bybit", both, ms((30, 30)).start) == ms((10, 30))
    assert newest_gap_before(db, "bybit", ["orders"], ms((30, 30)).start) == ms((0, 25))
    assert newest_gap_before(db, "bybit", ["trades"], ms((8, 8)).start) == ms((0, 5))
    assert newest_gap_before(db, "bybit", both, T0) is None


def test_no_history_requested(db: DB) -> None:
    assert no_history_requested(db, "bybit")
    HistoryState(db, "bybit", "trades").want([("spot", "x")], ms((0, 40)))
    assert not no_history_requested(db, "bybit")
    assert no_history_requested(db, "okx")


def test_an_empty_proof_proves_nothing(db: DB) -> None:
    prove(db, "bybit", (3, 3))
    assert db.execute("SELECT FROM alphapulse.coverage").fetchall() == []


def test_a_failure_moves_no_coverage_and_names_only_what_is_missing(db: DB) -> None:
    streams = [("spot", "x"), ("linear", "x"), ("option", "x")]
    HistoryState(db, "bybit", "trades").want(streams, ms((0, 10)))
    prove(db, "bybit", (0, 10), "spot")
    prove(db, "bybit", (0, 4), "linear")
    before = HistoryState(db, "bybit", "trades").gaps(ms((0, 10)))
    HistoryState(db, "bybit", "trades").record_failure("failed: no answer")
    assert HistoryState(db, "bybit", "trades").gaps(ms((0, 10))) == before
    rows = db.execute("SELECT stream, last_failure FROM alphapulse.coverage").fetchall()
    assert dict(rows) == {
        "spot": None, "linear": "failed: no answer", "option": "failed: no answer"
    }  # fmt: skip
