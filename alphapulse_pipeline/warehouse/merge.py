"""COPY to a staging table, then merge: what is the same stays untouched, what is new is counted."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from functools import cache
from typing import Any

from psycopg import Cursor, sql
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb
from sqlalchemy.dialects.postgresql import JSONB

from alphapulse_pipeline.warehouse.batches import Row, Written
from alphapulse_pipeline.warehouse.tables import PROVENANCE, SCHEMA, Dataset


class KeyCollision(Exception):
    """Two different rows of one batch have the same key: storing either would lose the other."""


class ColumnMismatch(Exception):
    """Rows do not have the table's columns. The text names table, columns and the mend."""


def merge(
    cursor: Cursor[TupleRow],
    dataset: Dataset,
    rows: Sequence[Row],
    constants: Mapping[str, Any],
) -> Written:
    """Write `rows` inside the cursor's transaction. Returns what changed.

    `constants` are columns that have the same value in every row (account, run, ...). Raises `KeyCollision` and `ColumnMismatch`; both leave the transaction to be rolled back.
    """
    if not rows:
        return Written()
    _check_columns(dataset, {**rows[0], **constants})
    rows = _distinct(dataset, rows, constants)
    statements = _statements(dataset)
    cursor.execute(statements.stage)
    with cursor.copy(statements.copy) as copy:
        for values in _values(dataset, rows, constants):
            copy.write_row(values)
    counts = cursor.execute(statements.merge).fetchone()
    cursor.execute(statements.clear)
    if counts is None:
        raise AssertionError("an aggregate always answers")
    inserted, changed = counts
    return Written(inserted, changed, len(rows) - inserted - changed)


def _distinct(dataset: Dataset, rows: Sequence[Row], constants: Mapping[str, Any]) -> list[Row]:
    """One row a key: pages overlap on purpose, so the same row may come twice."""
    names = [name for name in dataset.key if name not in constants]
    found: dict[tuple[Any, ...], Row] = {}
    for row in rows:
        key = tuple(row[name] for name in names)
        known = found.setdefault(key, row)
        if known is row:
            continue
        if dataset.newest_by is not None:
            if row[dataset.newest_by] >= known[dataset.newest_by]:
                found[key] = row
        elif _facts(known) != _facts(row):
            raise KeyCollision(
                f"{dataset.name}: two different rows have the key "
                + ", ".join(f"{n}={v}" for n, v in zip(names, key, strict=True))
            )
    return list(found.values())


def _facts(row: Row) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in PROVENANCE}


def _check_columns(dataset: Dataset, row: Row) -> None:
    missing = [name for name in dataset.columns if name not in row]
    unknown = [name for name in row if name not in dataset.columns]
    if missing or unknown:
        raise ColumnMismatch(
            f"rows for {SCHEMA}.{dataset.name} do not fit the table: "
            + "; ".join(
                f"{what} {', '.join(names)}"
                for what, names in (("missing", missing), ("not in the table:", unknown))
                if names
            )
            + "; mend the asset, or migrate the table (`alphapulse up` applies migrations)"
        )


def _values(
    dataset: Dataset, rows: Iterable[Row], constants: Mapping[str, Any]
) -> Iterable[list[Any]]:
    json_columns = {c.name for c in dataset.table.columns if isinstance(c.type, JSONB)}
    for row in rows:
        values = {**row, **constants}
        yield [
            Jsonb(values[name]) if name in json_columns else _copied(values[name])
            for name in dataset.columns
        ]


def _copied(value: Any) -> Any:
    # numeric's text form, exactly as it was: faster than psycopg's adaptation of Decimal
    return str(value) if isinstance(value, Decimal) else value


class _Statements:
    """The SQL that writes one table. Nothing in it comes from a user: names are the tables'."""

    def __init__(self, dataset: Dataset) -> None:
        table = sql.Identifier(SCHEMA, dataset.name)
        stage = sql.Identifier(f"stage_{dataset.name}")
        columns = sql.SQL(", ").join(map(sql.Identifier, dataset.columns))
        key = sql.SQL(", ").join(map(sql.Identifier, dataset.key))
        facts = [c for c in dataset.columns if c not in dataset.key and c not in PROVENANCE]
        stored = sql.SQL(", ").join(sql.SQL("t.{}").format(sql.Identifier(c)) for c in facts)
        offered = sql.SQL(", ").join(
            sql.SQL("excluded.{}").format(sql.Identifier(c)) for c in facts
        )
        written = [c for c in dataset.columns if c not in dataset.key]
        assignments = [sql.SQL("{0} = excluded.{0}").format(sql.Identifier(c)) for c in written]
        if "recorded_at" in dataset.table.columns:
            assignments.append(sql.SQL("recorded_at = clock_timestamp()"))
        newer = (
            sql.SQL(" AND excluded.{0} >= t.{0}").format(sql.Identifier(dataset.newest_by))
            if dataset.newest_by
            else sql.SQL("")
        )
        self.stage = sql.SQL(
            "CREATE TEMP TABLE IF NOT EXISTS {stage} AS SELECT {columns} FROM {table} WITH NO DATA"
        ).format(stage=stage, columns=columns, table=table)
        self.copy = sql.SQL("COPY {stage} ({columns}) FROM STDIN").format(
            stage=stage, columns=columns
        )
        self.merge = sql.SQL(
            "WITH merged AS ("
            " INSERT INTO {table} AS t ({columns}) SELECT {columns} FROM {stage}"
            " ON CONFLICT ({key}) DO UPDATE SET {assignments}"
            " WHERE ({stored}) IS DISTINCT FROM ({offered}){newer}"
            " RETURNING xmax = 0 AS inserted)"
            " SELECT count(*) FILTER (WHERE inserted), count(*) FILTER (WHERE NOT inserted)"
            " FROM merged"
        ).format(
            table=table,
            columns=columns,
            stage=stage,
            key=key,
            assignments=sql.SQL(", ").join(assignments),
            stored=stored,
            offered=offered,
            newer=newer,
        )
        self.clear = sql.SQL("TRUNCATE {stage}").format(stage=stage)


@cache
def _statements(dataset: Dataset) -> _Statements:
    return _Statements(dataset)
