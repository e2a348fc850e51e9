"""The views, functions and triggers of the database, and the comments on its tables.

Each is a file in `sql/`. `migrate` applies the files whose text has changed, so that changing a
view needs no migration: edit its file. A new file needs its place in `ORDER`.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from psycopg import Connection, errors
from psycopg.rows import TupleRow

from alphapulse_pipeline.datasets import HISTORIES, SCHEMA, SNAPSHOTS, History
from alphapulse_pipeline.datasets.ledger import LEDGER
from alphapulse_pipeline.warehouse.queries import queries
from alphapulse_pipeline.warehouse.tables import all_tables

ORDER = (
    "alphapulse/kind_in_name",
    "alphapulse/market_in_name",
    "alphapulse/market_of",
    "alphapulse/repeated_history",
    "alphapulse/latest",
    "alphapulse/books_missing",
    "alphapulse/orders_open",
    "alphapulse/coverage_gaps",
    "alphapulse/coverage_unreachable",
    "alphapulse/streams_stale",
    "alphapulse/sync_status",
    "alphapulse/comments",
    "portfolio/groups",
    "portfolio/group_value",
    "portfolio/group_value_daily",
    "portfolio/known_up_to",
    "portfolio/unread",
    "portfolio/covered_until",
    "portfolio/state_at",
    "portfolio/state_of",
    "portfolio/realized_pnl",
    "portfolio/lots",
    "portfolio/cost_basis",
    "portfolio/remember_rewritten",
    "portfolio/refund_unrecorded",
    "portfolio/reach",
    "portfolio/is_of",
    "portfolio/realized_pnl_of",
    "portfolio/history_movements",
    "portfolio/booked_near",
    "portfolio/listed_near",
    "portfolio/is_settled",
    "portfolio/is_unexplained",
    "portfolio/referenced",
    "portfolio/counted",
    "portfolio/ledger_movements",
    "portfolio/movements",
    "portfolio/movements_between",
    "portfolio/reading",
    "portfolio/position_reading",
    "portfolio/price_at",
    "portfolio/prices_latest",
    "portfolio/position_parts",
    "portfolio/held",
    "portfolio/unpriced",
    "portfolio/disputed",
    "portfolio/accounts",
    "portfolio/first_entry",
    "portfolio/is_position",
    "portfolio/touched",
    "portfolio/moved_since",
    "portfolio/moved_between",
    "portfolio/shown",
    "portfolio/histories_state",
    "portfolio/is_added_up",
    "portfolio/is_read",
    "portfolio/may_owe",
    "portfolio/rolled_back",
    "portfolio/balances_as_of",
    "portfolio/legs",
    "portfolio/legs_between",
    "portfolio/comments",
)
"""The files of `sql/`, each after those that it needs. `alphapulse/comments` has no file: it is
generated from the tables' declarations."""

DIRECTORY = Path(__file__).parent / "sql"

_OBJECT = re.compile(r"^CREATE OR REPLACE (VIEW|FUNCTION) ", re.MULTILINE)
_DESCRIPTION = re.compile(r"(?:--.*\n)+")
_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
_CANNOT_REPLACE = (
    errors.InvalidTableDefinition,  # a view's columns
    errors.InvalidFunctionDefinition,  # what a function returns
    errors.AmbiguousFunction,  # a function's arguments: both are there, and cannot be commented on
)


@dataclass(frozen=True)
class Repeatable:
    """A view, a function with its triggers, or the comments on the tables of a schema."""

    name: str
    """Its name in the database, e.g. `portfolio.movements`."""
    text: str

    def statements(self) -> str:
        """The file's statements; its first comment becomes the object's comment."""
        kind = _OBJECT.search(self.text)
        if kind is None:
            return self.text
        description = _DESCRIPTION.match(self.text)
        if description is None:
            raise AssertionError(f"{self.name} begins without a description")
        lines = (line.removeprefix("--").strip() for line in description[0].splitlines())
        comment = _literal(" ".join(lines))
        return f"{self.text}\nCOMMENT ON {kind[1]} {self.name} IS {comment};"

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.statements().encode()).hexdigest()


@cache
def repeatables() -> tuple[Repeatable, ...]:
    """All of them, in the order in which they are created."""
    return tuple(found for file in ORDER for found in _of_file(file))


def moving() -> tuple[History, ...]:
    """The histories whose rows move balances.

    Raises `ValueError` for one that does not say how: its balances would never reconcile.
    """
    found = tuple(history for history in HISTORIES.values() if history.affects_balances)
    for history in found:
        if not _movements_file(history.name).exists():
            raise ValueError(
                f"history {history.name} has no file warehouse/sql/portfolio/movements/"
                f"{history.name}.sql: say there how its rows move balances, or declare it with "
                "affects_balances=False"
            )
    return found


def differs(found: Mapping[str, str]) -> bool:
    """Whether a database with these checksums by name is not that of this version."""
    return found != _checksums()


@cache
def _checksums() -> Mapping[str, str]:
    return {repeatable.name: repeatable.checksum for repeatable in repeatables()}


def apply(connection: Connection[TupleRow]) -> None:
    """Create what is new, replace what has changed, drop what is no longer there.

    Where PostgreSQL cannot replace an object, such as a view that has lost a column, all are
    dropped and created again, in one transaction. Raises
    `psycopg.errors.DependentObjectsStillExist` where an object that is not ours depends on one that
    is dropped.
    """
    found: dict[str, str] = dict(
        connection.execute("SELECT name, checksum FROM alphapulse.repeatable").fetchall()
    )
    if not differs(found):
        return
    wanted = repeatables()
    with connection.transaction():
        try:
            with connection.transaction():
                for repeatable in wanted:
                    if found.get(repeatable.name) != repeatable.checksum:
                        connection.execute(repeatable.statements().encode())
                _drop(connection, keep={repeatable.name for repeatable in wanted})
        except _CANNOT_REPLACE:
            drop_all(connection)
            for repeatable in wanted:
                connection.execute(repeatable.statements().encode())
        connection.execute("DELETE FROM alphapulse.repeatable")
        with connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO alphapulse.repeatable (name, place, checksum) VALUES (%s, %s, %s)",
                [(r.name, place, r.checksum) for place, r in enumerate(wanted)],
            )


def drop_all(connection: Connection[TupleRow]) -> None:
    """Drop every view, function and trigger that `apply` created, in reverse order."""
    _drop(connection, keep=set())


def _drop(connection: Connection[TupleRow], keep: set[str]) -> None:
    names = connection.execute("SELECT name FROM alphapulse.repeatable ORDER BY place DESC")
    for (name,) in names.fetchall():
        if name not in keep:
            for (statement,) in connection.execute(
                queries("repeatable").drop_statements, {"name": name}
            ).fetchall():
                connection.execute(statement)
            connection.execute("DELETE FROM alphapulse.repeatable WHERE name = %s", [name])


def _of_file(file: str) -> Iterator[Repeatable]:
    match file:
        case "alphapulse/comments":
            yield Repeatable("alphapulse.comments", _comments())
        case "alphapulse/repeated_history":
            cases = " ".join(
                f"WHEN class = {_literal(name)} THEN {_literal(d.name)}"
                for d in HISTORIES.values()
                for name in d.ledger_classes
            )
            yield _repeatable(file, cases=cases)
        case "alphapulse/latest":
            for name in SNAPSHOTS:
                yield Repeatable(f"alphapulse.{name}_latest", _read(file, dataset=name))
        case "portfolio/remember_rewritten":
            for d in moving():
                text = _read(file, dataset=d.name, time=d.time, subject=d.subject)
                yield Repeatable(f"portfolio.remember_{d.name}", text)
        case "portfolio/histories_state":
            yield _repeatable(file, histories=", ".join(_literal(d.name) for d in moving()))
        case "portfolio/unread":
            moves = {d.name: d in moving() for d in HISTORIES.values()}
            yield _repeatable(
                file, histories=", ".join(f"({_literal(name)}, {moves[name]})" for name in moves)
            )
        case "portfolio/history_movements":
            others = (d.name for d in moving() if d is not LEDGER)
            yield _union(file, (_read(f"portfolio/movements/{name}") for name in others))
        case "portfolio/movements":
            histories = "SELECT * FROM portfolio.history_movements\n"
            yield _union(file, (histories, _read("portfolio/movements/ledger")))
        case "portfolio/legs" | "portfolio/touched":
            yield _union(file, (_read_of(file, d) for d in moving()))
        case "portfolio/accounts":
            tables = [*(d.name for d in moving()), "snapshots"]
            yield _union(file, (_read(f"{file}/of_table", dataset=table) for table in tables))
        case "portfolio/first_entry":
            yield _union(
                file,
                (_read(f"{file}/of_table", dataset=d.name, time=d.time) for d in moving()),
            )
        case _:
            yield _repeatable(file)


def _repeatable(file: str, **values: str) -> Repeatable:
    return Repeatable(file.replace("/", "."), _read(file, **values))


def _union(file: str, selects: Iterable[str]) -> Repeatable:
    """The object of `file`, which reads the rows of all `selects`."""
    return _repeatable(file, selects="UNION ALL\n".join(selects))


def _read(file: str, **values: str) -> str:
    """The file's text, with `{name}` replaced by its value."""
    text = (DIRECTORY / f"{file}.sql").read_text()
    return _PLACEHOLDER.sub(lambda found: values[found[1]], text)


def _movements_file(history: str) -> Path:
    return DIRECTORY / "portfolio" / "movements" / f"{history}.sql"


def _read_of(file: str, history: History) -> str:
    """The part of a view that is made of one history; most histories need none of their own."""
    if (DIRECTORY / file / f"{history.name}.sql").exists():
        return _read(f"{file}/{history.name}")
    return _read(f"{file}/other", movements=_read(f"portfolio/movements/{history.name}"))


def _comments() -> str:
    """COMMENT ON for every table of the schema `alphapulse` and its columns."""
    statements = []
    for table in all_tables():
        name = f"{SCHEMA}.{table.name}"
        statements.append(f"COMMENT ON TABLE {name} IS {_literal(table.comment)};")
        for column in table.columns:
            statements.append(
                f"COMMENT ON COLUMN {name}.{column.name} IS {_literal(column.comment)};"
            )
    return "\n".join(statements)


def _literal(text: str | None) -> str:
    if text is None:
        return "NULL"
    return "'" + text.replace("'", "''") + "'"
