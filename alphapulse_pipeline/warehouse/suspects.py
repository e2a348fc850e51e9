"""Parts of a snapshot that were never empty before and are reported empty now."""

from collections.abc import Collection
from datetime import timedelta

from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.datasets import Snapshot
from alphapulse_pipeline.warehouse.queries import queries

_SQL = queries("suspects")


def emptied(
    connection: Connection[TupleRow], account: str, snapshot: Snapshot, parts: Collection[str]
) -> list[str]:
    """The parts that the newest snapshot has, `parts` lacks, and that were never known empty."""
    if snapshot.part is None:
        return []
    rows = connection.execute(
        # names and expressions are the registry's own
        _SQL.stored_parts.decode()
        .format(part=snapshot.part.sql, relation=f"alphapulse.{snapshot.current}")
        .encode(),
        {"account": account, "dataset": snapshot.name},
    ).fetchall()
    return [part for (part,) in rows if part not in parts]


def still_suspect(
    connection: Connection[TupleRow],
    account: str,
    snapshot: Snapshot,
    parts: Collection[str],
    runs: int,
    over: timedelta,
) -> list[str]:
    """Count one more run in which `parts` were reported empty; those that are not accepted yet.

    A part is accepted as empty after `runs` runs, the first of them at least `over` ago. A part
    that is not in `parts` any more starts afresh.
    """
    given = {"account": account, "dataset": snapshot.name, "parts": list(parts)}
    with connection.transaction():
        connection.execute(_SQL.clear, given)
        rows = connection.execute(_SQL.count_run, {**given, "runs": runs, "over": over}).fetchall()
    return sorted(part for part, accepted in rows if not accepted)
