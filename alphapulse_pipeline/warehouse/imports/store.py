"""A file into a history: all of it or nothing, and with it what it proves."""

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
_AT_ONCE = 5000


@dataclass(frozen=True)
class Imported:
    """What an import did. Coverage is the share of the wanted time that is proved."""

    read: int
    new: int
    changed: int
    already_there: int
    left_out: int
    coverage_before: Decimal | None
    coverage_after: Decimal | None
    covered: list[Gap]
    """What was missing and is covered now."""


def import_file(
    connection: Connection[TupleRow],
    account: str,
    dataset: History,
    path: Path,
    preset: str | None = None,
    asserted: TimeRange | None = None,
    streams: Sequence[str] = (),
) -> Imported:
    """Store a file's rows, in one transaction. `connection` holds the account's lock.

    A row that the exchange gave stays as it is. `asserted`: the file is complete for this range;
    what was a gap or unreachable in it becomes covered, for `streams` or all that there are.
    Raises `BadFile` and `SettingsError`, and nothing is stored then.
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
        found = _unlike(file, dataset, rows(file, chosen, dataset, markets))
        has_ids = dataset.id in chosen.fields
        written, read, left_out = _store(cursor, account, dataset, found, has_ids)
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


def _unlike(file: CsvFile, dataset: History, found: Iterator[Numbered]) -> Iterator[Numbered]:
    """Each row once. Raises `BadFile` where two different rows of the file have the same key."""
    names = [name for name in dataset.key if name != "account"]
    seen: dict[str, tuple[int, str]] = {}
    for line, row in found:
        if row is None:
            yield line, row
            continue
        key = digest({name: row[name] for name in names})
        content = digest({name: value for name, value in row.items() if name != "raw"})
        first, same = seen.setdefault(key, (line, content))
        if content != same:
            raise file.bad(
                line, None, f"another row than line {first}, with the same {', '.join(names)}"
            )
        yield line, row


def _store(
    cursor: Cursor[TupleRow],
    account: str,
    dataset: History,
    found: Iterator[Numbered],
    has_ids: bool,
) -> tuple[Written, int, int]:
    """What was written, how many rows the file has, and how many of them are no facts yet."""
    constants = {"account": account, "run_id": RUN_ID, "origin": "import"}
    written, read, left_out = Written(), 0, 0
    alike: Counter[tuple[Any, ...]] = Counter()
    while batch := list(islice(found, _AT_ONCE)):
        news = [row for _, row in batch if row is not None]
        read += len(batch)
        left_out += len(batch) - len(news)
        if news and not has_ids:
            news = _news(cursor, account, dataset, news, alike)
        written += merge(cursor, dataset, news, constants)
    return written, read, left_out


def _news(
    cursor: Cursor[TupleRow],
    account: str,
    dataset: History,
    found: list[dict[str, Any]],
    alike: Counter[tuple[Any, ...]],
) -> list[dict[str, Any]]:
    """Rows without those that the exchange gave under an id which the file does not tell.

    Of n equal rows in the file and m from the exchange, the first m of the file are those.
    """
    names, moment = dataset.import_match, dataset.time
    times = [row[moment] for row in found]
    given = cursor.execute(
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
    there = {tuple(row[:-1]): row[-1] for row in given}
    news = []
    for row in found:
        likeness = (*(row[name] for name in names), row[moment].replace(microsecond=0))
        alike[likeness] += 1
        if alike[likeness] > there.get(likeness, 0):
            news.append(row)
    return news


def _cover(
    cursor: Cursor[TupleRow],
    account: str,
    dataset: History,
    asserted: TimeRange,
    streams: Sequence[str],
) -> list[Gap]:
    state = HistoryState(cursor.connection, account, dataset.name)
    there = state.streams()
    if not there:
        raise SettingsError(
            f"{account}/{dataset.name} was never synced, so that nobody knows what it misses: run "
            f"`alphapulse sync {account} --dataset {dataset.name}` first"
        )
    if unknown := [name for name in streams if name not in there]:
        raise SettingsError(
            f"{account}/{dataset.name} has no stream {', '.join(unknown)}: there are "
            f"{', '.join(there[:12])}"
        )
    return state.cover_by_import(asserted, streams or there)
