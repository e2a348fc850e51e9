"""Whether the schedules fit into an account's rate limit."""

from datetime import date
from typing import Any

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.health.doctor.budget import Use, budget
from alphapulse_pipeline.health.doctor.result import Status
from alphapulse_pipeline.settings.accounts import Account, AccountSettings
from alphapulse_pipeline.warehouse import sync_log

DB = Connection[TupleRow]


def account(**settings: Any) -> Account:
    values = {"exchange": "bybit", "history_start": date(2026, 9, 1), **settings}
    return Account("main", AccountSettings.model_validate(values))


def runs(db: DB, dataset: str, *requests: int) -> None:
    for sent in requests:
        attempt = sync_log.start(db, "main", dataset, "a run")
        with db.cursor() as cursor:
            sync_log.succeed(cursor, attempt, 0, sent)


def test_before_the_first_run_each_endpoint_counts_once_a_tick() -> None:
    used = {"balances": Use(2, 10.0), "trades": Use(4, 8.0)}
    # every five minutes, every quarter of an hour
    needed = 12 * 10 + 4 * 8
    found = budget(None, account(), needed * 10, used)
    assert found.status is Status.OK
    assert found.message == (
        "schedules use 40 requests an hour, 10.0 % of the limit (estimated: nothing has been "
        "synced yet)"
    )


def test_what_runs_usually_take_counts_and_a_long_backfill_does_not(db: DB) -> None:
    runs(db, "trades", *[7] * 30, *[10] * 19, 5000)
    used = {"trades": Use(4, 8.0)}
    found = budget(db, account(), 4 * 10 * 2 * 2, used)
    assert (
        "schedules use 40 requests an hour, 50.0 % of the limit (from recent runs)" in found.message
    )


def test_failed_runs_and_other_accounts_do_not_count(db: DB) -> None:
    attempt = sync_log.start(db, "main", "trades", "a run")
    sync_log.fail(db, attempt, 0, 999, "transient", "down")
    db.execute("UPDATE alphapulse.sync_log SET account = 'other' WHERE id = %s", [attempt])
    found = budget(db, account(), 1000, {"trades": Use(4, 0.0)})
    assert "16 requests" in found.message


@pytest.mark.parametrize(
    ("per_hour", "status"), [(99, Status.FAILED), (150, Status.WARNING), (201, Status.OK)]
)
def test_a_limit_that_is_too_small_says_what_to_change(per_hour: int, status: Status) -> None:
    found = budget(None, account(history_cron="0 * * * *"), per_hour, {"trades": Use(50, 100.0)})
    assert found.status is status
    assert ("history_cron" in found.fix) is (status is not Status.OK)


def test_daily_ticks_are_spread_over_the_day() -> None:
    found = budget(None, account(snapshot_cron="0 6 * * *"), 1000, {"balances": Use(48, 0.0)})
    assert "schedules use 2 requests an hour" in found.message
