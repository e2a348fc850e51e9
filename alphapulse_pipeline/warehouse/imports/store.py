"""Imports a file into a history, all or nothing, and the coverage that it proves."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

from psycopg import Connection, Cursor, sql
from psycopg.rows import TupleRow

from alphapulse_pipeline.datasets import SCHEMA, History
from alphapulse_pipeline.settings.errors import SettingsError
from alphapulse_pipeline.warehouse import deployed, sync_log, sync_state
from alphapulse_pipeline.warehouse.batches import TimeRange, Written
from alphapulse_pipeline.warehouse.history_state import Gap, HistoryState
from alphapulse_pipeline.warehouse.imports.cells import Markets
from alphapulse_pipeline.warehouse.imports.csv_file import CsvFile, open_csv
from alphapulse_pipeline.warehouse.imports.presets import PRESETS
from alphapulse_pipeline.warehouse.imports.rows import (
    Numbered,
    by_column_names,
    digest,
    rows,
)
from alphapulse_pipeline.warehouse.merge import merge

RUN_ID = "import"
_BATCH_ROWS = 5000


@dataclass(frozen=True)
class Imported:
    """The result of an import. Coverage is the covered share of the wanted time."""

    read: int
    new: int
    changed: int
    already_there: int
    left_out: int
    coverage_before: Decimal | None
    coverage_after: Decimal | None
    covered: list[Gap]
    """The ranges that were missing and are now covered."""


def import_file(
    connection: Connection[TupleRow],
    account: str,
    dataset: History,
    path: Path,
    preset: str | None = None,
    asserted: TimeRange | None = None,
    streams: Sequence[str] = (),
) -> Imported:
    """Store a file's rows in one transaction. `connection` must hold the account's lock.

    Rows from the exchange are never overwritten. `asserted` is a range for which the user asserts
    that the file is complete: its gaps and unreachable times become covered, for `streams` or all
    streams. Raises `BadFile` and `SettingsError`; nothing is stored then.
    """
    with connection.transaction(), connection.cursor() as cursor, open_csv(path) as file:
        attempt = sync_log.start(connection, account, dataset.name, RUN_ID)
        before = HistoryState(connection, account, dataset.name).covered_share()
        markets = Markets(sync_state.markets(connection, account))
        chosen = (
            by_column_names(file, account, dataset)
            if preset is None
            else PRESETS[preset, dataset.name]
        )
        numbered = _reject_conflicts(file, dataset, rows(file, chosen, dataset, markets))
        has_ids = dataset.id in chosen.fields
        written, read, left_out = _store(cursor, account, dataset, numbered, has_ids)
        deployed.count_stored(cursor, account, dataset.name, written.inserted)
        deployed.analyze_grown(connection, account, dataset.name, written.inserted)
        covered = _cover(cursor, account, dataset, asserted, streams) if asserted else []
        sync_log.succeed(cursor, attempt, written.rows, 0)
        return Imported(
            read=read,
            new=written.inserted,
            changed=written.changed,
            already_there=read - left_out - written.rows,
            left_out=left_out,
            coverage_before=before,
            coverage_after=HistoryState(connection, account, dataset.name).covered_share(),
            covered=covered,
        )


def _reject_conflicts(
    file: CsvFile, dataset: History, numbered: Iterator[Numbered]
) -> Iterator[Numbered]:
    """Pass all rows on. Raises `BadFile` if two different rows have the same key."""
    names = [name for name in dataset.key if name != "account"]
    seen: dict[str, tuple[int, str]] = {}
    for line, row in numbered:
        if row is None:
            yield line, row
            continue
        key = digest({name: row[name] for name in names})
        content = digest({name: value for name, value in row.items() if name != "raw"})
        first, same = seen.setdefault(key, (line, content))
        if content != same:
            raise file.bad(
                line,
                None,
                f"the row differs from line {first} but has the same {', '.join(names)}",
                "remove the wrong one",
            )
        yield line, row


def _store(
    cursor: Cursor[TupleRow],
    account: str,
    dataset: History,
    numbered: Iterator[Numbered],
    has_ids: bool,
) -> tuple[Written, int, int]:
    """What was written, the number of rows read, and how many of them are not booked yet."""
    constants = {"account": account, "run_id": RUN_ID, "origin": "import"}
    written, read, left_out = Written(), 0, 0
    occurrences: Counter[tuple[Any, ...]] = Counter()
    while batch := list(islice(numbered, _BATCH_ROWS)):
        booked = [row for _, row in batch if row is not None]
        read += len(batch)
        left_out += len(batch) - len(booked)
        if booked and not has_ids:
            booked = _not_from_exchange(cursor, account, dataset, booked, occurrences)
        written += merge(cursor, dataset, booked, constants)
    return written, read, left_out


def _not_from_exchange(
    cursor: Cursor[TupleRow],
    account: str,
    dataset: History,
    imported: list[dict[str, Any]],
    occurrences: Counter[tuple[Any, ...]],
) -> list[dict[str, Any]]:
    """Drop the rows that are already stored under the exchange's own id, which the file lacks.

    If the file has n equal rows and the exchange returned m of them, the first m are dropped.
    """
    names, moment = dataset.import_match, dataset.time
    times = [row[moment] for row in imported]
    counts = cursor.execute(
        sql.SQL(
            "SELECT {names}, date_trunc('second', {time}), count(*) FROM {table}"
            " WHERE account = %s AND origin = 'api' AND {time} BETWEEN %s AND %s GROUP BY {groups}"
        ).format(
            names=sql.SQL(", ").join(map(sql.Identifier, names)),
            time=sql.Identifier(moment),
            table=sql.Identifier(SCHEMA, dataset.name),
            groups=sql.SQL(", ").join(sql.SQL(str(n + 1)) for n in range(len(names) + 1)),
        ),
        [account, min(times).replace(microsecond=0), max(times) + timedelta(seconds=1)],
    ).fetchall()
    stored = {tuple(row[:-1]): row[-1] for row in counts}
    remaining = []
    for row in imported:
        match = (*(row[name] for name in names), row[moment].replace(microsecond=0))
        occurrences[match] += 1
        if occurrences[match] > stored.get(match, 0):
            remaining.append(row)
    return remaining


def _cover(
    cursor: Cursor[TupleRow],
    account: str,
    dataset: History,
    asserted: TimeRange,
    streams: Sequence[str],
) -> list[Gap]:
    state = HistoryState(cursor.connection, account, dataset.name)
    existing = state.streams()
    if not existing:
        raise SettingsError(
            f"{account}/{dataset.name} was never synced, so its gaps are unknown",
            f"run `alphapulse sync {account} --dataset {dataset.name}` first",
        )
    if unknown := [name for name in streams if name not in existing]:
        raise SettingsError(
            f"{account}/{dataset.name} has no stream {', '.join(unknown)}",
            f"choose from {', '.join(existing[:12])}",
        )
    return state.cover_by_import(asserted, streams or existing)
