"""Compares a second reading of a history with the stored rows: new, changed and vanished rows.

Counts all of them and keeps a few examples. The keys that were read are kept in a temporary table,
so memory use does not grow with the range.
"""

from datetime import datetime
from functools import cache
from typing import Any

from psycopg import Cursor, sql
from psycopg.rows import TupleRow
from psycopg.types.multirange import TimestamptzMultirange
from psycopg.types.range import TimestamptzRange

from alphapulse_pipeline.datasets import PROVENANCE, SCHEMA, History
from alphapulse_pipeline.warehouse.batches import Comparison, Difference, Proof, TimeRange
from alphapulse_pipeline.warehouse.merge import given
from alphapulse_pipeline.warehouse.queries import queries

_SQL = queries("comparison")
_EXAMPLES = 20
"""How many differences of each kind are shown."""


class Comparer:
    """Compares each batch while it is in the staging table, and finds vanished rows at the end."""

    def __init__(self, dataset: History, account: str, window: TimeRange) -> None:
        self.dataset = dataset
        self.account = account
        self.window = window
        self._proved: dict[str, list[TimeRange]] = {}
        self._changed = 0
        self._updated = 0
        self._examples: dict[str, list[Difference]] = {"changed": [], "new": []}

    def begin(self, cursor: Cursor[TupleRow]) -> None:
        for statement in _statements(self.dataset).begin:
            cursor.execute(statement)

    def staged(self, cursor: Cursor[TupleRow]) -> None:
        """Compare a batch that is staged and not yet merged."""
        statements = _statements(self.dataset)
        cursor.execute(statements.keep)
        rows = cursor.execute(statements.changed).fetchall()
        if rows:
            changed, updated = rows[0][-2:]
            self._changed += changed
            self._updated += updated
        for *key, time, changes, is_update, _, _ in rows:
            if not is_update:
                for column, stored, given in changes:
                    self._example("changed", key, time, column, stored, given)
        if len(self._examples["new"]) < _EXAMPLES:
            for *key, time in cursor.execute(statements.new).fetchall():
                self._example("new", key, time)

    def prove(self, proof: Proof) -> None:
        """Record a range as fully read. Adjacent ranges are merged, so each stream keeps few."""
        ranges = self._proved.setdefault(proof.stream, [])
        start, end = proof.covered.start, proof.covered.end
        for times in [t for t in ranges if t.start <= end and start <= t.end]:
            ranges.remove(times)
            start, end = min(start, times.start), max(end, times.end)
        ranges.append(TimeRange(start, end))

    def end(self, cursor: Cursor[TupleRow]) -> Comparison:
        """All differences. Vanished rows are reported, never deleted."""
        statements = _statements(self.dataset)
        for statement in statements.index:
            cursor.execute(statement)
        cursor.execute(statements.compare, self._parameters())
        rows = cursor.execute(statements.vanished, self._parameters()).fetchall()
        compared = cursor.execute(statements.compared).fetchall()
        for statement in statements.end:
            cursor.execute(statement)
        vanished = [self._difference("vanished", key, time) for *key, time, _ in rows]
        return Comparison(
            compared=tuple(TimeRange(start, end) for start, end in compared),
            changed=self._changed,
            updated=self._updated,
            vanished=rows[0][-1] if rows else 0,
            differences=(*vanished, *self._examples["changed"], *self._examples["new"]),
        )

    def _parameters(self) -> dict[str, Any]:
        proved = [
            TimestamptzMultirange([TimestamptzRange(t.start, t.end) for t in times])
            for times in self._proved.values()
        ]
        return {
            "account": self.account,
            "dataset": self.dataset.name,
            "window": TimestamptzRange(self.window.start, self.window.end),
            "start": self.window.start,
            "end": self.window.end,
            "streams": list(self._proved),
            "times": proved,
        }

    def _example(self, kind: str, key: list[Any], time: datetime, *change: str | None) -> None:
        if len(self._examples[kind]) < _EXAMPLES:
            self._examples[kind].append(self._difference(kind, key, time, *change))

    def _difference(
        self, kind: str, key: list[Any], time: datetime, *change: str | None
    ) -> Difference:
        names = self.dataset.key[1:]
        row = ", ".join(f"{name} {value}" for name, value in zip(names, key, strict=True))
        return Difference(kind, row, time, *change)


class _Statements:
    """The SQL that compares one table. It contains only names from the dataset registry."""

    def __init__(self, dataset: History) -> None:
        values = [c for c in dataset.written if c not in dataset.key and c not in PROVENANCE]
        updatable, update_condition = dataset.updates or ((), "false")
        names: dict[str, sql.Composable] = {
            "table": sql.Identifier(SCHEMA, dataset.name),
            "stage": sql.Identifier(f"stage_{dataset.name}"),
            "keys": sql.Identifier(f"given_{dataset.name}"),
            "read": sql.Identifier(f"read_{dataset.name}"),
            "market": (
                sql.Identifier("t", "market") if "market" in dataset.key else sql.Literal("")
            ),
            "key": _columns("", dataset.key),
            "own_key": _columns("t", dataset.key[1:]),
            "new_key": _columns("given", dataset.key[1:]),
            "same": sql.SQL(" AND ").join(
                sql.SQL("given.{0} = t.{0}").format(sql.Identifier(c)) for c in dataset.key
            ),
            "time": sql.Identifier(dataset.time),
            "stored": _columns("t", values),
            "given": sql.SQL(", ").join(given("given", dataset, c) for c in values),
            "changes": sql.SQL(", ").join(_change(dataset, c) for c in values if c != "raw"),
            "updatable": sql.Literal([*updatable, "raw"]),
            "update_condition": sql.SQL(update_condition),
            "newer": (
                sql.SQL("AND given.{0} >= t.{0}").format(sql.Identifier(dataset.newest_by))
                if dataset.newest_by
                else sql.SQL("")
            ),
            "examples": sql.Literal(_EXAMPLES),
        }

        self.begin = [
            _sql("DROP TABLE IF EXISTS {keys}", names),
            _sql("CREATE TEMP TABLE {keys} AS SELECT {key} FROM {table} WITH NO DATA", names),
        ]
        self.keep = _sql("INSERT INTO {keys} SELECT {key} FROM {stage}", names)
        self.new = _sql(_SQL.new.decode(), names)
        self.changed = _sql(_SQL.changed.decode(), names)
        # without the index, every stored row could cost a scan of all keys
        self.index = [
            _sql("CREATE INDEX ON {keys} ({key})", names),
            _sql("ANALYZE {keys}", names),
        ]
        self.compare = _sql(_SQL.compare.decode(), names)
        self.vanished = _sql(_SQL.vanished.decode(), names)
        self.compared = _sql(_SQL.compared.decode(), names)
        self.end = [_sql("DROP TABLE {keys}", names), _sql("DROP TABLE {read}", names)]


def _sql(text: str, names: dict[str, sql.Composable]) -> bytes:
    return sql.SQL(text).format(**names).as_bytes()


def _columns(table: str, names: Any) -> sql.Composed:
    return sql.SQL(", ").join(
        sql.Identifier(table, name) if table else sql.Identifier(name) for name in names
    )


def _change(dataset: History, column: str) -> sql.Composed:
    """One column as (name, stored, given, differs)."""
    return sql.SQL("({name}, t.{c}::text, {given}::text, t.{c} IS DISTINCT FROM {given})").format(
        name=sql.Literal(column),
        c=sql.Identifier(column),
        given=given("given", dataset, column),
    )


@cache
def _statements(dataset: History) -> _Statements:
    return _Statements(dataset)
