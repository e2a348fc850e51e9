"""What a second reading says differently: what is new, what changed, and what was not given again.

Counted and shown by a few examples; the keys that were given are kept in a temporary table, so
that the length of what is read again costs no memory.
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

_EXAMPLES = 20
"""How many differences of a kind are shown."""


class Comparing:
    """Compares batch by batch, while the staging table holds a batch; then tells what vanished."""

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
        """Look at a batch that is staged and not yet merged."""
        statements = _statements(self.dataset)
        cursor.execute(statements.keep)
        rows = cursor.execute(statements.changed).fetchall()
        if rows:
            changed, updated = rows[0][-2:]
            self._changed += changed
            self._updated += updated
        for *key, time, changes, was_updated, _, _ in rows:
            if not was_updated:
                for column, stored, given in changes:
                    self._example("changed", key, time, column, stored, given)
        if len(self._examples["new"]) < _EXAMPLES:
            for *key, time in cursor.execute(statements.new).fetchall():
                self._example("new", key, time)

    def prove(self, proof: Proof) -> None:
        """Remember what was read whole. Pages touch, so that few ranges are kept a stream."""
        known = self._proved.setdefault(proof.stream, [])
        start, end = proof.covered.start, proof.covered.end
        for times in [t for t in known if t.start <= end and start <= t.end]:
            known.remove(times)
            start, end = min(start, times.start), max(end, times.end)
        known.append(TimeRange(start, end))

    def end(self, cursor: Cursor[TupleRow]) -> Comparison:
        """What differed in all. Rows that vanished are told, never deleted."""
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

    def _example(self, what: str, key: list[Any], time: datetime, *change: str | None) -> None:
        if len(self._examples[what]) < _EXAMPLES:
            self._examples[what].append(self._difference(what, key, time, *change))

    def _difference(
        self, what: str, key: list[Any], time: datetime, *change: str | None
    ) -> Difference:
        names = self.dataset.key[1:]
        row = ", ".join(f"{name} {value}" for name, value in zip(names, key, strict=True))
        return Difference(what, row, time, *change)


class _Statements:
    """The SQL that compares one table. Nothing in it comes from a user: names are the tables'."""

    def __init__(self, dataset: History) -> None:
        facts = [c for c in dataset.written if c not in dataset.key and c not in PROVENANCE]
        living, rule = dataset.updates or ((), "false")
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
            "stored": _columns("t", facts),
            "given": _columns("given", facts),
            "changes": sql.SQL(", ").join(_change(c) for c in facts if c != "raw"),
            "living": sql.Literal([*living, "raw"]),
            "rule": sql.SQL(rule),
            "newer": (
                sql.SQL("AND given.{0} >= t.{0}").format(sql.Identifier(dataset.newest_by))
                if dataset.newest_by
                else sql.SQL("")
            ),
            "examples": sql.Literal(_EXAMPLES),
        }

        def statement(text: str) -> bytes:
            return sql.SQL(text).format(**names).as_bytes()

        self.begin = [
            statement("DROP TABLE IF EXISTS {keys}"),
            statement("CREATE TEMP TABLE {keys} AS SELECT {key} FROM {table} WITH NO DATA"),
        ]
        self.keep = statement("INSERT INTO {keys} SELECT {key} FROM {stage}")
        self.new = statement(
            "SELECT {new_key}, given.{time} FROM {stage} AS given"
            " LEFT JOIN {table} AS t USING ({key}) WHERE t.account IS NULL LIMIT {examples}"
        )
        self.changed = statement(
            "WITH differing AS ("
            " SELECT {own_key}, given.{time} AS happened, changes.list, changes.names,"
            "  {rule} AS living"
            " FROM {stage} AS given JOIN {table} AS t USING ({key})"
            " CROSS JOIN LATERAL ("
            "  SELECT jsonb_agg(jsonb_build_array(name, stored, given)) AS list,"
            "   array_agg(name) AS names"
            "  FROM (VALUES {changes}, ('raw', NULL, " + _RAW_KEYS + ", t.raw <> given.raw))"
            "   AS one(name, stored, given, differs) WHERE differs"
            " ) AS changes WHERE ({stored}) IS DISTINCT FROM ({given}) {newer}"
            "), judged AS ("
            " SELECT *, living AND names <@ {living} AS updated FROM differing)"
            " SELECT {own_key}, happened, list, updated,"
            "  count(*) FILTER (WHERE NOT updated) OVER (), count(*) FILTER (WHERE updated) OVER ()"
            " FROM judged AS t ORDER BY updated, happened LIMIT {examples}"
        )
        # without it, each row might be looked for in all of the keys
        self.index = [statement("CREATE INDEX ON {keys} ({key})"), statement("ANALYZE {keys}")]
        # A row does not tell its stream, so that it can be missed only where all of them were
        # read. The exception are streams of one market, named `<kind> <market>`.
        self.compare = statement(
            "CREATE TEMP TABLE {read} AS"
            " WITH one AS ("
            " SELECT coalesce(m.market, '') AS market,"
            "  coalesce(proved.times, '{{}}') * tstzmultirange(%(window)s) AS times"
            " FROM alphapulse.streams AS s"
            " LEFT JOIN alphapulse.markets AS m ON m.account = s.account"
            "  AND m.market = substring(s.stream FROM position(' ' IN s.stream) + 1)"
            "  AND position(' ' IN s.stream) > 0"
            " LEFT JOIN unnest(%(streams)s::text[], %(times)s::tstzmultirange[])"
            "  AS proved(stream, times) USING (stream)"
            " WHERE s.account = %(account)s AND s.dataset = %(dataset)s AND wanted && %(window)s)"
            " SELECT market, range_intersect_agg(times) * coalesce("
            "  (SELECT range_intersect_agg(times) FROM one WHERE market = ''),"
            "  tstzmultirange(%(window)s)) AS times"
            " FROM one GROUP BY market"
        )
        self.vanished = statement(
            "SELECT {own_key}, t.{time}, count(*) OVER () FROM {table} AS t"
            " LEFT JOIN {read} AS own ON own.market = {market}"
            " LEFT JOIN {read} AS shared ON shared.market = ''"
            " WHERE account = %(account)s AND {time} >= %(start)s AND {time} < %(end)s"
            " AND origin = 'api' AND {time} <@ coalesce(own.times, shared.times, '{{}}')"
            " AND NOT EXISTS (SELECT FROM {keys} AS given WHERE {same})"
            " ORDER BY {time} LIMIT {examples}"
        )
        self.compared = statement(
            "SELECT lower(times), upper(times)"
            " FROM (SELECT unnest(range_agg(times)) AS times FROM {read}) AS read"
        )
        self.end = [statement("DROP TABLE {keys}"), statement("DROP TABLE {read}")]


# The exchange's own JSON is long: of it, the keys that differ are enough.
_RAW_KEYS = (
    "CASE WHEN jsonb_typeof(t.raw) = 'object' AND jsonb_typeof(given.raw) = 'object' THEN ("
    "SELECT string_agg(key, ', ' ORDER BY key) FROM jsonb_each(t.raw) AS a"
    " FULL JOIN jsonb_each(given.raw) AS b USING (key) WHERE a.value IS DISTINCT FROM b.value) END"
)


def _columns(table: str, names: Any) -> sql.Composed:
    return sql.SQL(", ").join(
        sql.Identifier(table, name) if table else sql.Identifier(name) for name in names
    )


def _change(column: str) -> sql.Composed:
    """(name, stored, given, differs) of one column."""
    return sql.SQL(
        "({name}, t.{c}::text, given.{c}::text, t.{c} IS DISTINCT FROM given.{c})"
    ).format(name=sql.Literal(column), c=sql.Identifier(column))


@cache
def _statements(dataset: History) -> _Statements:
    return _Statements(dataset)
