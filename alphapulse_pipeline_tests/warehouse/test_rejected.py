"""Coverage never includes the time of a rejected row, whatever proves it, and in which order."""

from itertools import groupby

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.warehouse import deployed, sync_log
from alphapulse_pipeline.warehouse.batches import Batch, Batches, Proof, Rejection, TimeRange
from alphapulse_pipeline.warehouse.history_state import HistoryState
from alphapulse_pipeline.warehouse.writer import write
from alphapulse_pipeline_tests.warehouse.rows import at

DB = Connection[TupleRow]
SECONDS = st.integers(0, 20)

Read = tuple[int, tuple[int, int], list[int]]
"""The attempt, the range that a batch proves, and the times of the rows that it rejects."""
READS: st.SearchStrategy[list[Read]] = st.lists(
    st.tuples(
        st.integers(1, 4),
        st.tuples(SECONDS, SECONDS).map(lambda ends: (min(ends), max(ends))),
        st.lists(SECONDS, max_size=2),
    ),
    max_size=8,
).map(lambda reads: sorted(reads, key=lambda read: read[0]))


def rejection(time: int) -> Rejection:
    gap = TimeRange(at(time), at(time + 1))
    return Rejection("spot", f"row {time}", at(time), "unreadable", "{}", (gap,))


def test_coverage_and_rejected_rows_are_disjoint(db: DB) -> None:
    deployed.register(db, "bybit", "bybit", [("trades", True, None)])

    @settings(
        max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
    )
    @given(READS)
    def holds(reads: list[Read]) -> None:
        db.execute("TRUNCATE alphapulse.rejected, alphapulse.coverage, alphapulse.streams")
        wanted = TimeRange(at(0), at(30))
        HistoryState(db, "bybit", "trades").want([("spot", "a test")], wanted)
        expected: set[int] = set()
        proven: set[int] = set()
        for _, batches in groupby(reads, key=lambda read: read[0]):
            log_id = sync_log.start(db, "bybit", "trades", "run")
            mine: set[int] = set()
            for _, (start, end), times in batches:
                batch = Batch(
                    [],
                    [Proof("spot", TimeRange(at(start), at(end)))],
                    [rejection(time) for time in times],
                )
                write(db, Batches("bybit", "trades", [batch], log_id=log_id), "run")
                mine |= set(times)
                again = set(range(start, end))
                expected = {time for time in expected if time in mine or time not in again}
                expected |= set(times)
                proven = (proven | again) - expected
                assert _rejected(db) == expected
                assert _covered(db) == proven

    holds()


def _rejected(db: DB) -> set[int]:
    rows = db.execute("SELECT happened_at FROM alphapulse.rejected").fetchall()
    return {int((row[0] - at(0)).total_seconds()) for row in rows}


def _covered(db: DB) -> set[int]:
    rows = db.execute(
        "SELECT lower(t), upper(t) FROM alphapulse.coverage, unnest(covered) AS t"
    ).fetchall()
    return {
        second
        for start, end in rows
        for second in range(
            int((start - at(0)).total_seconds()), int((end - at(0)).total_seconds())
        )
    }
