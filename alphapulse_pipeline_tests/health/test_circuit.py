"""The circuit breaker: when it opens, how long it stays open, what closes it."""

from datetime import UTC, datetime, timedelta

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.exchange.errors import ExchangeFailure, Kind
from alphapulse_pipeline.health import circuit
from alphapulse_pipeline.health.circuit import FAILURES, Circuit
from alphapulse_pipeline.warehouse import sync_log

DB = Connection[TupleRow]
MINUTE = timedelta(minutes=1)


@pytest.fixture
def run(db: DB) -> "Run":
    return Run(db)


class Run:
    """Runs of the account `bybit`, each with the kinds that its datasets failed with."""

    def __init__(self, db: DB) -> None:
        self.db, self.number = db, 0

    def __call__(self, *kinds: Kind | None, refused: ExchangeFailure | None = None) -> Circuit:
        self.number += 1
        name = f"run {self.number}"
        circuit.try_again(self.db, "bybit")
        for kind in kinds:
            attempt = sync_log.start(self.db, "bybit", "trades", name)
            if kind is None:
                with self.db.cursor() as cursor:
                    sync_log.succeed(cursor, attempt, 1, 1)
            else:
                sync_log.fail(self.db, attempt, 0, 1, kind, f"it is {kind}; do something")
        return circuit.settle(self.db, "bybit", name, refused)

    def later(self, time: timedelta) -> None:
        """As if so much time had gone by."""
        self.db.execute(
            "UPDATE alphapulse.circuit SET opened_at = opened_at - %s, retry_at = retry_at - %s",
            [time, time],
        )


def waits(found: Circuit) -> float:
    """Minutes until the next trial, rounded."""
    assert found.retry_at is not None
    return round((found.retry_at - datetime.now(UTC)) / MINUTE)


def test_it_opens_after_so_many_failed_runs_in_a_row(run: Run) -> None:
    for number in range(1, FAILURES):
        assert (found := run(Kind.TRANSIENT, Kind.TRANSIENT)).state == "closed"
        assert found.failures == number
        assert found.refusal("bybit", datetime.now(UTC)) is None
    opened = run(Kind.TRANSIENT, Kind.THROTTLED)
    assert (opened.state, opened.failures, waits(opened)) == ("open", FAILURES, 10)


def test_a_run_of_which_something_succeeded_is_no_failure_of_the_account(run: Run) -> None:
    for _ in range(FAILURES - 1):
        run(Kind.TRANSIENT)
    assert run(Kind.TRANSIENT, None, Kind.CREDENTIALS) == Circuit()
    for _ in range(FAILURES - 1):
        assert run(Kind.TRANSIENT).state == "closed"


@pytest.mark.parametrize("kind", [Kind.CREDENTIALS, Kind.BANNED])
def test_what_no_second_attempt_mends_opens_it_at_once(run: Run, kind: Kind) -> None:
    assert run(kind, kind).state == "open"


def test_a_key_that_is_revoked_half_way_opens_it_although_something_succeeded(run: Run) -> None:
    assert run(None, refused=ExchangeFailure(Kind.CREDENTIALS, "revoked", "make a new one")) == (
        circuit.read(run.db, "bybit")
    )
    assert circuit.read(run.db, "bybit").state == "open"


def test_a_ban_is_waited_for_as_long_as_the_exchange_says(run: Run) -> None:
    until = datetime.now(UTC) + timedelta(hours=3)
    ban = ExchangeFailure(Kind.BANNED, "banned", "wait", until=until)
    assert run(Kind.BANNED, refused=ban).retry_at == until


def test_the_cooldown_doubles_up_to_a_day(run: Run) -> None:
    found = run(Kind.CREDENTIALS)
    minutes = [waits(found)]
    for _ in range(8):
        run.later(timedelta(minutes=minutes[-1]))
        minutes.append(waits(run(Kind.CREDENTIALS)))
    assert minutes == [10, 20, 40, 80, 160, 320, 640, 1280, 1440]


def test_a_manual_run_during_the_cooldown_does_not_extend_it(run: Run) -> None:
    before = run(Kind.CREDENTIALS)
    after = run(Kind.TRANSIENT)
    assert (after.state, after.retry_at, after.cooldown) == (
        "open", before.retry_at, before.cooldown,
    )  # fmt: skip
    assert "it is transient" in after.reason


def test_a_success_closes_it(run: Run) -> None:
    run(Kind.CREDENTIALS)
    assert run(None) == Circuit() == circuit.read(run.db, "bybit")
    assert waits(run(Kind.CREDENTIALS)) == 10


def test_a_trial_is_half_open_while_it_runs_and_stays_so_where_it_dies(run: Run) -> None:
    run(Kind.CREDENTIALS)
    circuit.try_again(run.db, "bybit")
    found = circuit.read(run.db, "bybit")
    assert found.state == "half_open"
    assert found.refusal("bybit", datetime.now(UTC)) is not None
    run.later(timedelta(minutes=11))
    assert circuit.read(run.db, "bybit").refusal("bybit", datetime.now(UTC)) is None


def test_the_refusal_says_until_when_why_and_what_to_do(run: Run) -> None:
    found = run(Kind.CREDENTIALS)
    assert found.retry_at is not None
    assert found.refusal("bybit", datetime.now(UTC)) == (
        f"schedules skip bybit until {found.retry_at:%Y-%m-%d %H:%M} UTC: 1 run failed, most "
        "recently with: it is credentials; do something. To retry now, run `alphapulse sync bybit` "
        "or `alphapulse circuit reset bybit`"
    )
    assert found.refusal("bybit", found.retry_at) is None
    assert found.opened("bybit") == (
        f"schedules skip bybit until {found.retry_at:%Y-%m-%d %H:%M} UTC, or until "
        "`alphapulse sync bybit` succeeds: 1 run failed"
    )
    assert Circuit(failures=1, reason="it failed").opened("bybit") is None


def test_a_run_that_was_interrupted_or_killed_says_nothing_of_the_account(run: Run) -> None:
    run(Kind.CREDENTIALS)
    before = circuit.read(run.db, "bybit")
    sync_log.start(run.db, "bybit", "trades", "killed")
    assert circuit.settle(run.db, "bybit", "killed") == before
    attempt = sync_log.start(run.db, "bybit", "trades", "stopped")
    sync_log.fail(run.db, attempt, 0, 1, "interrupted", "Ctrl-C")
    assert circuit.settle(run.db, "bybit", "stopped") == before


def test_reset_closes_it(run: Run) -> None:
    assert not circuit.reset(run.db, "bybit")
    run(Kind.TRANSIENT)
    assert not circuit.reset(run.db, "bybit")
    run(Kind.CREDENTIALS)
    assert circuit.reset(run.db, "bybit")
    assert circuit.read(run.db, "bybit") == Circuit()
