"""Asset checks in Dagster: running them, and their metadata."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.components.check import Check
from alphapulse_pipeline.components.history_checks import history_checks
from alphapulse_pipeline.components.key_check import key_check
from alphapulse_pipeline.components.snapshot_checks import SNAPSHOT_CHECKS
from alphapulse_pipeline.components.snapshots import allowed_age, longest_interval
from alphapulse_pipeline.components.sub_account_check import sub_account_check
from alphapulse_pipeline.health import alerts
from alphapulse_pipeline.settings.accounts import Account
from alphapulse_pipeline.settings.environment import postgres_url
from alphapulse_pipeline.warehouse import check_progress
from alphapulse_pipeline.warehouse.connection import connect
from alphapulse_pipeline.warehouse.history_state import HistoryState
from alphapulse_pipeline.warehouse.io_manager import table
from alphapulse_pipeline.warehouse.preview import cells
from alphapulse_pipeline.warehouse.schema import require_current

logger = logging.getLogger(__name__)

_SHOWN = 5
_READ = 1000
"""How many offending rows are shown and read; all of them are counted."""


def checks_of(datasets: Sequence[str]) -> list[Check]:
    """The checks of an account with these datasets. Those of its key and of its sub-accounts belong
    to the first of them."""
    found = [*SNAPSHOT_CHECKS, *history_checks()]
    of_account = [of(dataset) for dataset in datasets[:1] for of in (key_check, sub_account_check)]
    return [*of_account, *(check for check in found if check.dataset in datasets)]


def check_key(account: Account, check: Check) -> dg.AssetCheckKey:
    return dg.AssetCheckKey(dg.AssetKey([account.name, check.dataset]), check.name)


def account_checks(
    account: Account, snapshots: Sequence[str], histories: Sequence[str]
) -> list[dg.AssetChecksDefinition]:
    """The checks, in one step for all snapshots and one step for each history.

    Dagster skips the checks of a step that failed: a failed history must not skip the others'.
    """
    steps = {"snapshot": snapshots} | {history: [history] for history in histories}
    found = []
    of_account = checks_of([*snapshots, *histories])
    for name, datasets in steps.items():
        checks = [check for check in of_account if check.dataset in datasets]
        if checks:
            found.append(_checks(account, f"{account.name}_{name}_checks", checks))
    return found


def _checks(account: Account, name: str, checks: Sequence[Check]) -> dg.AssetChecksDefinition:
    by_key = {check_key(account, check): check for check in checks}
    datasets = ", ".join(dict.fromkeys(check.dataset for check in checks))

    @dg.multi_asset_check(
        name=name,
        specs=[
            dg.AssetCheckSpec(key.name, asset=key.asset_key, description=check.description)
            for key, check in by_key.items()
        ],
        can_subset=True,
    )
    def run_checks(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        logger.info("%s: running the data checks of %s", account.name, datasets)
        with connect(postgres_url()) as connection:
            require_current(connection)
            for key in context.selected_asset_check_keys:
                with connection.transaction():
                    found = result(connection, account, by_key[key], context.run.run_id)
                yield found

    return run_checks


def result(
    connection: Connection[TupleRow], account: Account, check: Check, run_id: str
) -> dg.AssetCheckResult:
    """Evaluate a check. Runs in the caller's transaction."""
    names, rows, count = offenders(connection, account, check, run_id)
    if check.reads_rows and not rows:
        check_progress.passed(connection, account.name, check.dataset, check.name, run_id)
    key = check_key(account, check)
    warns = check.only_warns or (bool(rows) and rows[0][-1] in check.warnings)
    loading = check.loads and warns and _is_read(connection, account, check)
    reason = _in_a_line(names, rows[0], count) if rows else None
    finding = None if warns else reason
    alerts.note_check(connection, account.name, check.dataset, check.name, finding)
    if loading:
        share = HistoryState(connection, account.name, check.dataset).covered_share() or 0
        reason = f"loading, {int(100 * share)} %"
    return dg.AssetCheckResult(
        passed=not rows or loading,
        asset_key=key.asset_key,
        check_name=key.name,
        severity=dg.AssetCheckSeverity.WARN if warns else dg.AssetCheckSeverity.ERROR,
        description=reason,
        metadata={
            # text is shown without a click, unlike the table of examples
            **({"reason": reason} if reason else {}),
            "found": count,
            **(_shown(names, rows, check) if rows else {}),
            **_facts(connection, account, check),
        },
    )


def _is_read(connection: Connection[TupleRow], account: Account, check: Check) -> bool:
    """Whether schedules or a person read the dataset now, and its last attempt did not fail."""
    row = connection.execute(
        "SELECT status <> 'failed' AND coalesce(finished_at, started_at) > %s"
        " FROM alphapulse.sync_log WHERE account = %s AND dataset = %s ORDER BY id DESC LIMIT 1",
        [_due(account), account.name, check.dataset],
    ).fetchone()
    return row == (True,)


def _due(account: Account) -> datetime:
    """What is older must have been read: two intervals of the schedule and a minute ago."""
    allowed = 2 * longest_interval(account.settings.history_cron) + timedelta(minutes=1)
    return datetime.now(UTC) - allowed


def offenders(
    connection: Connection[TupleRow], account: Account, check: Check, run_id: str
) -> tuple[list[str], list[TupleRow], int]:
    """The rows that a check finds: columns, the first rows, and their total number.

    A run that writes the dataset checks only rows recorded since the check last passed.
    """
    since: datetime | None = None
    if check.reads_rows:
        since = check_progress.good_up_to(
            connection, account.name, check.dataset, check.name, run_id
        )
    query = f"SELECT *, count(*) OVER () FROM ({check.offenders}) AS found LIMIT {_READ}"
    given = {
        "account": account.name,
        "oldest": datetime.now(UTC) - allowed_age(account),
        "due": _due(account),
        "since": since or "-infinity",
        "allow_trading_keys": account.settings.allow_trading_keys,
        "allow_unknown_rights": account.settings.allow_unknown_rights,
    }
    names, rows = _rows(connection, query, given)
    return names[:-1], [row[:-1] for row in rows], rows[0][-1] if rows else 0


def _in_a_line(names: list[str], worst: TupleRow, count: int) -> str:
    cells = ", ".join(f"{n} {v}" for n, v in zip(names, worst, strict=True) if v is not None)
    return cells + (f", and {count - 1} more" if count > 1 else "")


def _facts(
    connection: Connection[TupleRow], account: Account, check: Check
) -> dict[str, dg.MetadataValue[Any]]:
    if not check.facts:
        return {}
    names, rows = _rows(connection, check.facts, {"account": account.name})
    return {"current": table(cells(names, rows))}


def _rows(
    connection: Connection[TupleRow], query: str, given: Mapping[str, Any]
) -> tuple[list[str], list[TupleRow]]:
    cursor = connection.execute(query.encode(), given)
    rows = cursor.fetchall()
    return [column.name for column in cursor.description or ()], rows


def _shown(names: list[str], rows: list[TupleRow], check: Check) -> dict[str, Any]:
    found: dict[str, Any] = {"examples": table(cells(names, rows[:_SHOWN]))}
    if names[0] == "stream":
        streams = list(dict.fromkeys(str(row[0]) for row in rows))
        more = f" and {len(streams) - _SHOWN} more" if len(streams) > _SHOWN else ""
        found["streams"] = ", ".join(streams[:_SHOWN]) + more
    if check.hint:
        found["hint"] = dg.MetadataValue.md(check.hint)
    return found
