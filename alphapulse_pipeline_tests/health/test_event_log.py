"""Old runs are pruned, and what Dagster reports does not change."""

from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.health import event_log
from alphapulse_pipeline.health.event_log import OTHERS, SUCCESSFUL, Removed, prune
from alphapulse_pipeline.warehouse.connection import connect
from alphapulse_pipeline_tests.health.deployment import (
    BAD,
    DAYS,
    FAIL,
    LOOK,
    answers,
    daily,
    days,
    definitions,
    now,
    run,
)

NOTHING = Removed(0, 0, 0, 0, 0, True)
HOUR = timedelta(hours=1)


def clean(url: str) -> Removed:
    """Prune to the end."""
    removed = prune(url, datetime.now(UTC), 60)
    assert removed is not None
    assert removed.complete
    return removed


def age(db: Connection[TupleRow], run_id: str, by: timedelta) -> None:
    """Let a run and all of it have been that long ago."""
    db.execute(
        "UPDATE runs SET start_time = start_time - %(s)s, end_time = end_time - %(s)s,"
        " create_timestamp = create_timestamp - %(by)s,"
        " update_timestamp = update_timestamp - %(by)s WHERE run_id = %(run)s",
        {"by": by, "s": by.total_seconds(), "run": run_id},
    )
    for table, column in (
        ("event_logs", "timestamp"),
        ("asset_check_executions", "create_timestamp"),
    ):
        db.execute(
            f"UPDATE {table} SET {column} = {column} - %s WHERE run_id = %s".encode(), [by, run_id]
        )


def all_of(db: Connection[TupleRow], run_id: str) -> list[Any]:
    """Every row of a run, its events' tags among them."""
    return [
        db.execute(f"SELECT * FROM {table} ORDER BY id".encode(), [run_id]).fetchall()
        for table in (
            "runs WHERE run_id = %s",
            "run_tags WHERE run_id = %s",
            "event_logs WHERE run_id = %s",
            "asset_event_tags WHERE event_id IN (SELECT id FROM event_logs WHERE run_id = %s)",
        )
    ]


def count(db: Connection[TupleRow], table: str) -> int:
    ((rows,),) = db.execute(f"SELECT count(*) FROM {table}".encode()).fetchall()
    return int(rows)


def unfinished(instance: dg.DagsterInstance) -> str:
    """A run that was created and has not begun."""
    created = instance.create_run_for_job(
        definitions.resolve_job_def("make_daily"),
        tags=days(3, 4),
        asset_selection=None,
        status=dg.DagsterRunStatus.NOT_STARTED,
    )
    return created.run_id


@pytest.fixture
def aged(instance: dg.DagsterInstance, db: Connection[TupleRow]) -> list[str]:
    """Runs of all kinds, all of them old, the oldest first."""
    runs = [
        run(instance, "make_now"),
        run(instance, "make_daily", days(1, 4)),
        run(instance, "make_now_after", {BAD: "1"}),
        run(instance, "make_daily", {**days(3, 4), LOOK: "1"}),
        run(instance, "make_now"),
        run(instance, "make_daily", {**days(5, 5), FAIL: "1"}),
        run(instance, "make_daily", {**days(2, 2), FAIL: "1"}),
    ]
    for number, run_id in enumerate(runs):
        age(db, run_id, OTHERS + (len(runs) - number) * HOUR)
    return runs


def test_what_dagster_answers_is_the_same_before_and_after(
    instance: dg.DagsterInstance, database: str, db: Connection[TupleRow], aged: list[str]
) -> None:
    before = answers(instance)
    assert before["AssetKey(['daily']) partitions"] == set(DAYS.get_partition_keys()[:4])
    removed = clean(database)
    assert answers(instance) == before
    assert removed.events > 0
    assert removed.checks > 0
    assert clean(database) == NOTHING
    assert answers(instance) == before


def test_a_run_goes_when_all_it_made_was_made_again(
    instance: dg.DagsterInstance, database: str, db: Connection[TupleRow], aged: list[str]
) -> None:
    clean(database)
    first, wide, both, narrow, again, fifth, second = aged
    left = {record.run_id for record in instance.get_runs()}
    assert left == {wide, both, narrow, again, fifth, second}
    assert all_of(db, first) == [[], [], [], []]
    # a run that is kept for the newest of its events still shows when it ran, and how it ended
    stats = instance.get_run_stats(narrow)
    assert stats.start_time is not None
    assert stats.end_time is not None
    assert stats.materializations == 2
    assert count(db, f"event_logs WHERE run_id = '{narrow}'") == 2 * 3 + 2  # per day, begin and end
    assert count(db, "asset_event_tags WHERE event_id NOT IN (SELECT id FROM event_logs)") == 0


def test_a_partition_that_failed_stays_failed(
    instance: dg.DagsterInstance, database: str, aged: list[str]
) -> None:
    clean(database)
    status = answers(instance)["status anew"]
    failed = status.deserialize_failed_partition_subsets(DAYS).get_partition_keys()
    assert set(failed) == {"2026-01-02", "2026-01-05"}


def test_the_run_of_a_checks_latest_result_stays(
    instance: dg.DagsterInstance, database: str, db: Connection[TupleRow]
) -> None:
    runs = [run(instance, job) for job in ("make_now", "check_now", "check_now")]
    for run_id in runs:
        age(db, run_id, OTHERS + HOUR)
    before = answers(instance)
    clean(database)
    assert answers(instance) == before
    assert {record.run_id for record in instance.get_runs()} == {runs[0], runs[2]}


@pytest.mark.parametrize(
    ("tags", "kept"), [({}, SUCCESSFUL), ({FAIL: "1"}, OTHERS)], ids=["success", "failure"]
)
def test_a_run_is_whole_until_its_time_is_over(
    tags: dict[str, str],
    kept: timedelta,
    instance: dg.DagsterInstance,
    database: str,
    db: Connection[TupleRow],
) -> None:
    mine, later = run(instance, "make_now", tags), run(instance, "make_now")
    age(db, mine, kept - HOUR)
    whole = all_of(db, mine), all_of(db, later)
    assert clean(database) == NOTHING
    assert (all_of(db, mine), all_of(db, later)) == whole
    age(db, mine, 2 * HOUR)
    assert clean(database).runs == 1
    assert all_of(db, later) == whole[1]


def test_a_run_that_has_not_ended_is_whole_however_old(
    instance: dg.DagsterInstance, database: str, db: Connection[TupleRow]
) -> None:
    waiting = unfinished(instance)
    age(db, waiting, 10 * OTHERS)
    run(instance, "make_daily", days(3, 4))
    before = all_of(db, waiting)
    assert len(before[2]) > 0
    assert clean(database) == NOTHING
    assert all_of(db, waiting) == before


def test_the_first_of_retries_stays_as_long_as_one_of_them(
    instance: dg.DagsterInstance, database: str, db: Connection[TupleRow]
) -> None:
    root = run(instance, "make_now", {FAIL: "1"})
    retry = run(instance, "make_now", {"dagster/root_run_id": root, "dagster/parent_run_id": root})
    for run_id in (root, retry):
        age(db, run_id, 2 * OTHERS)
    clean(database)
    assert {r.run_id for r in instance.get_runs()} == {root, retry}
    run(instance, "make_now")
    assert clean(database).runs == 2


@pytest.mark.parametrize(("status", "gone"), [("REQUESTED", False), ("COMPLETED_SUCCESS", True)])
def test_runs_of_an_unfinished_backfill_are_whole(
    status: str,
    gone: bool,
    instance: dg.DagsterInstance,
    database: str,
    db: Connection[TupleRow],
) -> None:
    mine = run(instance, "make_daily", {**days(1, 1), "dagster/backfill": "abcdefgh"})
    run(instance, "make_daily", days(1, 1))
    age(db, mine, 2 * OTHERS)
    db.execute(
        "INSERT INTO bulk_actions (key, status, timestamp, body)"
        " VALUES ('abcdefgh', %s, now() - interval '90 days', '')",
        [status],
    )
    db.execute("INSERT INTO backfill_tags (backfill_id, key) VALUES ('abcdefgh', 'a')")
    before = all_of(db, mine)
    removed = clean(database)
    assert (removed.runs, removed.backfills) == ((1, 1) if gone else (0, 0))
    assert (all_of(db, mine) == before) is not gone
    assert count(db, "backfill_tags") == (0 if gone else 1)


def test_events_that_no_run_wrote_are_kept_as_the_newest(
    instance: dg.DagsterInstance, database: str, db: Connection[TupleRow]
) -> None:
    for number in range(3):
        instance.report_runless_asset_event(
            dg.AssetMaterialization(now.key, metadata={"number": number}, tags={})
        )
    before = instance.get_latest_materialization_event(now.key)
    assert clean(database) == NOTHING
    db.execute("UPDATE event_logs SET timestamp = timestamp - %s", [SUCCESSFUL + HOUR])
    assert clean(database).events == 2
    assert instance.get_latest_materialization_event(now.key) == before
    assert len(instance.fetch_materializations(now.key, limit=9).records) == 1


def test_of_old_automation_evaluations_each_assets_newest_is_kept(
    instance: dg.DagsterInstance, database: str, db: Connection[TupleRow]
) -> None:
    del instance  # creates Dagster's tables
    db.execute(
        "INSERT INTO asset_daemon_asset_evaluations (evaluation_id, asset_key, create_timestamp)"
        " SELECT number, asset, now() AT TIME ZONE 'UTC' - number * interval '-1 hour' - %s"
        " FROM generate_series(1, 3) AS number, unnest(ARRAY['a', 'b']) AS asset",
        [SUCCESSFUL + 2.5 * HOUR],
    )
    db.execute(
        "DELETE FROM asset_daemon_asset_evaluations WHERE (asset_key, evaluation_id) = ('b', 3)"
    )
    assert clean(database).evaluations == 3
    left = "SELECT asset_key, evaluation_id FROM asset_daemon_asset_evaluations ORDER BY 1, 2"
    assert db.execute(left).fetchall() == [("a", 3), ("b", 2)]


def test_everything_goes_on_afterwards(
    instance: dg.DagsterInstance, database: str, aged: list[str]
) -> None:
    clean(database)
    latest = run(instance, "make_now_after")
    range_run = run(instance, "make_daily", days(4, 5))
    for run_id in (latest, range_run):
        found = instance.get_run_by_id(run_id)
        assert found is not None
        assert found.is_success
    event = instance.get_latest_materialization_event(now.key)
    assert event is not None
    assert event.run_id == latest
    assert instance.get_materialized_partitions(daily.key) == set(DAYS.get_partition_keys())


def test_what_takes_too_long_is_left_for_the_next_time(database: str, aged: list[str]) -> None:
    assert prune(database, datetime.now(UTC), 0) == Removed(0, 0, 0, 0, 0, False)
    assert clean(database).runs == 1


def test_two_do_not_prune_together(
    database: str, db: Connection[TupleRow], aged: list[str]
) -> None:
    db.execute("SELECT pg_advisory_lock(hashtextextended('alphapulse event log', 0))")
    assert prune(database, datetime.now(UTC), 60) is None
    db.execute("SELECT pg_advisory_unlock_all()")
    assert clean(database).runs == 1


def test_the_next_may_prune_as_soon_as_one_has_ended(
    database: str, aged: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also while a busy server has not yet noticed that the connection of the first ended."""
    with connect(database) as first:
        monkeypatch.setattr(event_log, "connect", lambda _: nullcontext(first))
        clean(database)
        monkeypatch.undo()
        clean(database)


RUNS = st.tuples(
    st.one_of(
        st.sampled_from([("make_now", {}), ("make_now_after", {}), ("check_now", {})]),
        st.tuples(st.integers(1, 5), st.integers(1, 5)).map(
            lambda pair: ("make_daily", days(min(pair), max(pair)))
        ),
    ),
    st.sampled_from([{}, {}, {FAIL: "1"}, {BAD: "1"}, {LOOK: "1"}]),
    st.sampled_from([timedelta(0), SUCCESSFUL - HOUR, SUCCESSFUL + HOUR, OTHERS + HOUR]),
)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    deadline=None,
    max_examples=4,
    # a run takes a third of a second: a smaller example is not worth its minutes
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
@given(st.lists(RUNS, min_size=2, max_size=7), st.booleans())
def test_any_history_answers_the_same_before_and_after(
    instance: dg.DagsterInstance,
    database: str,
    db: Connection[TupleRow],
    history: list[tuple[tuple[str, dict[str, str]], dict[str, str], timedelta]],
    wait: bool,
) -> None:
    """Whole runs where they are young or unfinished, no run at all where nothing leads to it."""
    instance.wipe()
    db.execute("TRUNCATE asset_check_executions, asset_event_tags")
    ages: dict[str, timedelta] = {}
    for (name, tags), more, _ in history:
        ages[run(instance, name, {**tags, **more})] = timedelta(0)
    for run_id, old in zip(ages, sorted((old for *_, old in history), reverse=True), strict=True):
        age(db, run_id, old)
        ages[run_id] = old
    young = {
        record.dagster_run.run_id
        for record in instance.get_run_records()
        if ages[record.dagster_run.run_id]
        < (SUCCESSFUL if record.dagster_run.is_success else OTHERS)
    }
    if wait:
        young.add(unfinished(instance))
    before = answers(instance)
    whole = {run_id: all_of(db, run_id) for run_id in young}
    clean(database)
    assert answers(instance) == before
    assert {run_id: all_of(db, run_id) for run_id in young} == whole
    left = {record.run_id for record in instance.get_runs()}
    shown = repr({name: answer for name, answer in before.items() if name != "runs"})
    assert left - young <= {run_id for run_id in ages if run_id in shown}
    assert clean(database) == NOTHING
