"""Suspects: parts of a snapshot that the exchange reports empty for the first time."""

from collections.abc import Collection
from datetime import timedelta

from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.datasets import Snapshot
from alphapulse_pipeline.warehouse.queries import queries

_SQL = queries("suspects")


def newly_empty(
    connection: Connection[TupleRow], account: str, snapshot: Snapshot, parts: Collection[str]
) -> list[str]:
    """The parts of the newest snapshot that `parts` lacks and that were never accepted as empty."""
    if snapshot.part is None:
        return []
    rows = connection.execute(
        # both values come from the dataset registry
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
    min_age: timedelta,
) -> list[str]:
    """Count another run that reported `parts` empty. Returns those not yet accepted as empty.

    A part is accepted as empty after `runs` runs, the first of them at least `min_age` ago.
    Suspects that are not in `parts` are reset.
    """
    parameters = {"account": account, "dataset": snapshot.name, "parts": list(parts)}
    with connection.transaction():
        connection.execute(_SQL.clear, parameters)
        rows = connection.execute(
            _SQL.count_run, {**parameters, "runs": runs, "min_age": min_age}
        ).fetchall()
    return sorted(part for part, accepted in rows if not accepted)
