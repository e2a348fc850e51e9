"""What `alphapulse sync` says at the end: what was done, and what is still missing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.cli import output
from alphapulse_pipeline.datasets import HISTORIES
from alphapulse_pipeline.warehouse.progress import clock

_COUNTS = """
SELECT account || '/' || dataset, gaps, rejected FROM alphapulse.sync_status
WHERE account || '/' || dataset = ANY(%s) AND (gaps > 0 OR rejected > 0) ORDER BY account, dataset
"""
_LOST = """
SELECT account || '/' || dataset, dataset, reason, array_agg(DISTINCT stream ORDER BY stream)
FROM alphapulse.coverage_unreachable WHERE account || '/' || dataset = ANY(%s)
GROUP BY account, dataset, reason ORDER BY account, dataset, reason
"""
_SHOWN = 2
"""Streams that are named of a history."""


@dataclass(frozen=True)
class Result:
    """The outcome for one dataset of one account. `rows`: inserted or changed.

    `dataset` is empty for an account whose file has a mistake.
    """

    account: str
    dataset: str
    status: str
    rows: int
    seconds: float
    error: str | None


def done(results: Sequence[Result], seconds: float, warnings: int, *, demo: bool) -> str:
    """How many accounts and rows were synced in which time."""
    accounts = {result.account for result in results}
    failed = {result.account for result in results if result.status != "completed"}
    synced = f"{_count(len(accounts), 'account')} synced"
    if failed:
        whole = len(accounts - failed)
        synced = f"{whole} of {_count(len(accounts), 'account')} synced without an error"
    rows = _count(sum(result.rows for result in results), "row")
    simulated = " of simulated data" if demo else ""
    warned = f", {_count(warnings, 'warning')}" if warnings else ""
    return f"{synced} in {clock(seconds)}: {rows}{simulated}{warned}"


def completeness(
    connection: Connection[TupleRow], results: Sequence[Result], since: date
) -> list[str]:
    """Whether the histories that were synced are complete since a day, and what they lack."""
    names = [f"{r.account}/{r.dataset}" for r in results if r.dataset in HISTORIES]
    if not names:
        return []
    missing = []
    for name, gaps, rejected in connection.execute(_COUNTS, [names]).fetchall():
        if gaps:
            missing.append(f"  {name}: {_count(gaps, 'gap')}; the next `alphapulse sync` reads on")
        if rejected:
            unreadable = f"{_count(rejected, 'row')} that could not be read"
            missing.append(f"  {name}: {unreadable}; see `alphapulse status`")
    lost = [_lost(*row) for row in connection.execute(_LOST, [names]).fetchall()]
    if missing:
        return [f"the history since {since} is not complete:", *missing, *lost]
    if lost:
        return [f"the history since {since} is complete, as far as exchanges serve it:", *lost]
    return [f"the history since {since} is complete: nothing is missing"]


def _lost(name: str, dataset: str, reason: str, streams: Sequence[str]) -> str:
    """What an exchange no longer serves of a history, and what that means."""
    more = f" and {len(streams) - _SHOWN} more lists" if len(streams) > _SHOWN else ""
    effect = "no balance and no profit depends on it"
    if HISTORIES[dataset].affects_balances:
        effect = "`alphapulse import` reads an export of the exchange's website"
    return f"  {name} ({', '.join(streams[:_SHOWN])}{more}): {reason}; {effect}"


def print_next(*, demo: bool) -> None:
    option = " --demo" if demo else ""
    output.note(
        f"next: `alphapulse status{option}`, or `alphapulse up{option}` to sync on a schedule"
    )


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
