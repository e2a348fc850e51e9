"""Snapshots that are suspiciously empty: what was never empty and is said to be is kept apart."""

from collections.abc import Collection
from datetime import timedelta

from psycopg import Connection
from psycopg.rows import TupleRow

# The part of a snapshot that a row belongs to, which an exchange answers by itself.
_PART = {
    "balances": "wallet",
    "positions": "split_part(split_part(market, ':', 2), '-', 1)",
}


def emptied(
    connection: Connection[TupleRow], account: str, dataset: str, parts: Collection[str]
) -> list[str]:
    """What the newest snapshot has and `parts` lacks, unless it was ever known to be empty."""
    if dataset not in _PART:
        return []
    rows = connection.execute(
        f"SELECT DISTINCT {_PART[dataset]} AS part FROM alphapulse.{dataset}_latest AS latest"
        " WHERE account = %(account)s AND NOT EXISTS (SELECT FROM alphapulse.suspects AS s"
        f"  WHERE s.account = latest.account AND s.dataset = %(dataset)s AND believed"
        f"  AND s.part = {_PART[dataset]}) ORDER BY part".encode(),
        {"account": account, "dataset": dataset},
    ).fetchall()
    return [part for (part,) in rows if part not in parts]


def still_doubted(
    connection: Connection[TupleRow],
    account: str,
    dataset: str,
    parts: Collection[str],
    runs: int,
    patience: timedelta,
) -> list[str]:
    """Note that `parts` were told empty in one more run; those that are not believed yet.

    Believed is what was told in `runs` runs, the first of them at least `patience` ago. A part that
    is not among `parts` any more is not doubted any more.
    """
    with connection.transaction():
        connection.execute(
            "DELETE FROM alphapulse.suspects WHERE account = %s AND dataset = %s"
            " AND NOT believed AND part <> ALL(%s)",
            [account, dataset, list(parts)],
        )
        rows = connection.execute(
            "INSERT INTO alphapulse.suspects AS s (account, dataset, part, since, asked, believed)"
            " SELECT %s, %s, part, now(), 1, false FROM unnest(%s::text[]) AS part"
            " ON CONFLICT (account, dataset, part) DO UPDATE SET asked = s.asked + 1,"
            " believed = s.asked + 1 >= %s AND s.since <= now() - %s"
            " RETURNING part, believed",
            [account, dataset, list(parts), runs, patience],
        ).fetchall()
    return sorted(part for part, believed in rows if not believed)
