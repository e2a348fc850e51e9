"""The circuit breaker: schedules skip an account while all of its runs fail.

A run counts as failed if none of its datasets succeeded. The circuit opens after `FAILURES` failed
runs in a row, or at once if the exchange refuses the key or has banned us. While it is open,
schedules skip the account. After the cooldown one run is let through (half open): if it succeeds,
the circuit closes; if it fails, the cooldown doubles, up to a day. New credentials are tried at
once, and so are refused ones after the account's settings allow more.
"""

from dataclasses import astuple, dataclass, replace
from datetime import UTC, datetime, timedelta

from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.exchange.errors import ExchangeFailure
from alphapulse_pipeline.exchange.kind import FINAL, Kind

FAILURES = 5
FIRST_COOLDOWN = timedelta(minutes=10)
LONGEST_COOLDOWN = timedelta(days=1)
AT_ONCE = FINAL
"""Retrying does not help here, and makes a ban longer."""


@dataclass(frozen=True)
class Circuit:
    """State of an account's circuit breaker: closed, open or half_open."""

    state: str = "closed"
    failures: int = 0
    opened_at: datetime | None = None
    retry_at: datetime | None = None
    cooldown: timedelta | None = None
    reason: str = ""
    credentials: str = ""
    """Identifies the refused key and what its account allowed it, if that is why it opened."""

    def refusal(self, account: str, now: datetime) -> str | None:
        """Why schedules should skip the account now, or None."""
        if self.state == "closed" or self.retry_at is None or now >= self.retry_at:
            return None
        return (
            f"{self._skipped(account)}, most recently with: {self.reason}. To retry now, run "
            f"`alphapulse sync {account}` or `alphapulse circuit reset {account}`"
        )

    def opened(self, account: str) -> str | None:
        """What the end of a run says of it, which has said why it failed; None if it is closed."""
        if self.state == "closed" or self.retry_at is None:
            return None
        return self._skipped(account, f", or until `alphapulse sync {account}` succeeds")

    def _skipped(self, account: str, or_until: str = "") -> str:
        runs = "1 run" if self.failures == 1 else f"{self.failures} runs in a row"
        until = f"{self.retry_at:%Y-%m-%d %H:%M} UTC{or_until}"
        return f"schedules skip {account} until {until}: {runs} failed"


def read(connection: Connection[TupleRow], account: str) -> Circuit:
    """The account's circuit; closed if no run has failed."""
    row = connection.execute(
        "SELECT state, failures, opened_at, retry_at, cooldown, coalesce(reason, ''),"
        " coalesce(credentials, '') FROM alphapulse.circuit WHERE account = %s",
        [account],
    ).fetchone()
    return Circuit(*row) if row else Circuit()


def reset(connection: Connection[TupleRow], account: str) -> bool:
    """Close the circuit; returns whether it was open or half open."""
    return connection.execute(
        "DELETE FROM alphapulse.circuit WHERE account = %s RETURNING state <> 'closed'",
        [account],
    ).fetchone() == (True,)


def try_again(connection: Connection[TupleRow], account: str) -> None:
    """A run begins: an open circuit becomes half open until the run has ended."""
    connection.execute(
        "UPDATE alphapulse.circuit SET state = 'half_open' WHERE account = %s AND state = 'open'",
        [account],
    )


def settle(
    connection: Connection[TupleRow],
    account: str,
    run_id: str,
    refused: ExchangeFailure | None = None,
    *,
    credentials: str = "",
) -> Circuit:
    """Update the circuit after a run, from the run's rows in `sync_log`.

    `refused`: why the exchange refused the whole account, if it did. `credentials`: identifies
    the key that the run used, and what its account allows it.
    """
    before = read(connection, account)
    attempts = connection.execute(
        "SELECT status, error_kind, error FROM alphapulse.sync_log"
        " WHERE account = %s AND run_id = %s AND status IN ('completed', 'failed')"
        " AND error_kind IS DISTINCT FROM 'interrupted' ORDER BY id",
        [account, run_id],
    ).fetchall()
    failed = [(kind, error) for status, kind, error in attempts if status == "failed"]
    if refused and refused.kind in AT_ONCE:
        kind = refused.kind.value
        after = _failed_again(before, str(refused), at_once=True, until=refused.until)
    elif not attempts:
        return before
    elif len(failed) < len(attempts):
        kind, after = None, Circuit()
    else:
        kind, error = failed[-1]
        after = _failed_again(before, str(error), at_once=kind in AT_ONCE)
    if after.state == "open" and kind == Kind.CREDENTIALS:
        after = replace(after, credentials=credentials)
    _store(connection, account, after)
    return after


def _failed_again(
    before: Circuit, reason: str, *, at_once: bool, until: datetime | None = None
) -> Circuit:
    now = datetime.now(UTC)
    failures = before.failures + 1
    if before.state == "closed" and failures < FAILURES and not at_once:
        return Circuit(failures=failures, reason=reason)
    cooldown, retry_at = before.cooldown or FIRST_COOLDOWN, before.retry_at
    if retry_at is None:
        retry_at = now + cooldown
    elif now >= retry_at:  # a manual run during the cooldown does not extend it
        cooldown = min(2 * cooldown, LONGEST_COOLDOWN)
        retry_at = now + cooldown
    if until:
        retry_at = max(retry_at, until)
    return Circuit("open", failures, before.opened_at or now, retry_at, cooldown, reason)


def _store(connection: Connection[TupleRow], account: str, circuit: Circuit) -> None:
    connection.execute(
        "INSERT INTO alphapulse.circuit"
        " (account, state, failures, opened_at, retry_at, cooldown, reason, credentials)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (account) DO UPDATE SET"
        " state = excluded.state, failures = excluded.failures, opened_at = excluded.opened_at,"
        " retry_at = excluded.retry_at, cooldown = excluded.cooldown, reason = excluded.reason,"
        " credentials = excluded.credentials",
        [account, *astuple(circuit)],
    )
