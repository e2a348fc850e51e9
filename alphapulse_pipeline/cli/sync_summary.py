"""What `alphapulse sync` says at the end: what was done, and what is still missing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.cli import output
from alphapulse_pipeline.datasets import HISTORIES
from alphapulse_pipeline.warehouse.progress import clock

_INCOMPLETE = """
SELECT account || '/' || dataset, gaps, unreachable, rejected FROM alphapulse.sync_status
WHERE account || '/' || dataset = ANY(%s) ORDER BY account, dataset
"""
_FOUND = (
    "{} still to be read: {}; `alphapulse sync` reads them",
    "{} that the exchange no longer serves: {}; `alphapulse import` takes its exports",
    "{} that could not be read: {}; `alphapulse status` says why",
)
_WHAT = (("gap", "gaps"), ("period", "periods"), ("row", "rows"))


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
    lacking: list[list[tuple[str, int]]] = [[], [], []]
    for name, *counts in connection.execute(_INCOMPLETE, [names]).fetchall():
        for found, count in zip(lacking, counts, strict=True):
            if count:
                found.append((name, count))
    if not any(lacking):
        return [f"the history since {since} is complete: nothing is missing"]
    lines = [f"the history since {since} is not complete:"]
    for found, (one, many), text in zip(lacking, _WHAT, _FOUND, strict=True):
        if found:
            total = sum(count for _, count in found)
            named = ", ".join(f"{name} {count:,}" for name, count in found)
            lines.append(f"  {text.format(f'{total:,} {one if total == 1 else many}', named)}")
    return lines


def print_next(*, demo: bool) -> None:
    option = " --demo" if demo else ""
    output.note(
        f"next: `alphapulse status{option}`, or `alphapulse up{option}` to sync on a schedule"
    )


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
