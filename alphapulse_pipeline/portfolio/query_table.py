"""Derived tables that are a single SELECT: `sql/<name>.sql` and one line in `tables`.

The file begins with what the table holds, then what its columns hold, then has the query, without
parameters:

    -- Fees paid in each month.
    --
    -- month: First day of the month, UTC.
    -- fees: In the reporting currency.
    SELECT date_trunc('month', realized_at) AS month, sum(cost) AS fees
    FROM portfolio.realized_pnl WHERE kind = 'fee' GROUP BY 1;

The first refresh creates the table from the query, with these comments. Each refresh recalculates
all rows in one transaction; readers see the old rows until it commits. If the query's columns have
changed, the table is dropped and created again.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from psycopg import Connection, errors, sql
from psycopg.rows import TupleRow

from alphapulse_pipeline.portfolio import queries
from alphapulse_pipeline.portfolio.derived import Column, Derived, Figures, Picture
from alphapulse_pipeline.portfolio.refresh import locked
from alphapulse_pipeline.settings.errors import UserError
from alphapulse_pipeline.settings.portfolio import PortfolioSettings

_SCHEMA = "portfolio"
_FILE = re.compile(r"((?:--[^\n]*\n)+)(.+)", re.DOTALL)
_COLUMN = re.compile(r"^(\w+): ", re.MULTILINE)


def from_query(
    name: str,
    *,
    datasets: tuple[str, ...] = (),
    follows: tuple[str, ...] = (),
    lineage: Mapping[str, tuple[Column, ...]] | None = None,
    figures: bytes = b"",
    preview: bytes = b"",
    picture: Picture | None = None,
) -> Derived:
    """The derived table `name`, recalculated from `sql/<name>.sql`.

    `figures`: a query for one row, whose columns a refresh reports; NULLs are left out. Raises
    `ValueError` if the file does not begin with a description.
    """
    table = _Table.read(name)

    def refresh(connection: Connection[TupleRow], settings: PortfolioSettings) -> Figures:
        with locked(connection, name):
            rows = table.refill(connection)
            if not figures:
                return {"rows": rows}
            cursor = connection.execute(figures)
            labels = [column.name for column in cursor.description or ()]
            found = zip(labels, cursor.fetchone() or (), strict=True)
            return {label: value for label, value in found if value is not None}

    return Derived(
        name,
        table.description,
        refresh,
        datasets=datasets,
        follows=follows,
        lineage=lineage or {},
        preview=preview or f"SELECT * FROM {_SCHEMA}.{name} LIMIT 20".encode(),
        picture=picture,
    )


@dataclass(frozen=True)
class _Table:
    name: str
    description: str
    comments: Mapping[str, str]
    """Column -> what it holds."""
    query: str

    @classmethod
    def read(cls, name: str) -> "_Table":
        path = queries.FOLDER / f"{name}.sql"
        found = _FILE.fullmatch(path.read_text(encoding="utf-8"))
        if found is None:
            raise ValueError(f"{path} must begin with a comment that describes the table")
        header = re.sub("^-- ?", "", found[1], flags=re.MULTILINE)
        description, _, columns = header.partition("\n\n")
        _, *parts = _COLUMN.split(columns)
        comments = {
            column: " ".join(text.split())
            for column, text in zip(parts[::2], parts[1::2], strict=True)
        }
        return cls(name, " ".join(description.split()), comments, found[2].strip().rstrip(";"))

    def refill(self, connection: Connection[TupleRow]) -> int:
        """Recalculate all rows; how many there are."""
        columns = self._columns(connection)
        if unknown := self.comments.keys() - {name for name, _ in columns}:
            raise UserError(
                f"{self.name}.sql describes columns that its query does not have: "
                + ", ".join(sorted(unknown)),
                "correct the names in the comment at the top of the file",
            )
        if self._stored_columns(connection) != columns:
            self._create(connection)
        comments = self._stored_comments(connection)
        if comments.get("", "").endswith(self._origin):
            self._comment(connection, comments)
        connection.execute(sql.SQL("DELETE FROM {}").format(self._identifier))
        insert = sql.SQL("INSERT INTO {} ({}) ").format(
            self._identifier, sql.SQL(", ").join(sql.Identifier(name) for name, _ in columns)
        )
        return connection.execute(insert.as_bytes(connection) + self.query.encode()).rowcount

    @property
    def _identifier(self) -> sql.Identifier:
        return sql.Identifier(_SCHEMA, self.name)

    @property
    def _origin(self) -> str:
        """The end of the table's comment, which marks a table that a refresh created."""
        return f"Recalculated from {self.name}.sql by each refresh."

    def _columns(self, connection: Connection[TupleRow]) -> Sequence[tuple[str, int]]:
        """(name, type) of the query's columns."""
        statement = f"SELECT * FROM ({self.query}\n) AS rows LIMIT 0"
        description = connection.execute(statement.encode()).description or ()
        return [(column.name, column.type_code) for column in description]

    def _stored_columns(self, connection: Connection[TupleRow]) -> Sequence[tuple[str, int]]:
        return connection.execute(
            "SELECT attname, atttypid::int FROM pg_attribute WHERE attrelid = to_regclass(%s)"
            " AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
            [self._identifier.as_string(connection)],
        ).fetchall()

    def _create(self, connection: Connection[TupleRow]) -> None:
        """Create the table, or replace it if a refresh created it with different columns."""
        if self._stored_columns(connection):
            if not self._stored_comments(connection).get("", "").endswith(self._origin):
                raise UserError(
                    f"the table {_SCHEMA}.{self.name} exists, and was not created from "
                    f"{self.name}.sql",
                    "give the derived table a different name, or drop the existing table",
                )
            try:
                connection.execute(sql.SQL("DROP TABLE {}").format(self._identifier))
            except errors.DependentObjectsStillExist as error:
                raise UserError(
                    f"{self.name}.sql has different columns now, but {_SCHEMA}.{self.name} cannot "
                    f"be replaced: {error.diag.message_detail}",
                    "drop what depends on the table, refresh, and create it again",
                ) from None
        create = sql.SQL("CREATE TABLE {} AS ").format(self._identifier).as_bytes(connection)
        connection.execute(create + f"{self.query}\nWITH NO DATA".encode())
        connection.execute(
            sql.SQL("COMMENT ON TABLE {} IS {}").format(self._identifier, self._origin)
        )

    def _stored_comments(self, connection: Connection[TupleRow]) -> dict[str, str]:
        """Column -> its comment; that of the table is at ''."""
        rows: list[tuple[str, str]] = connection.execute(
            "SELECT coalesce(a.attname, ''), d.description FROM pg_description AS d"
            " LEFT JOIN pg_attribute AS a ON a.attrelid = d.objoid AND a.attnum = d.objsubid"
            " AND d.objsubid > 0 WHERE d.classoid = 'pg_class'::regclass"
            " AND d.objoid = to_regclass(%s)",
            [self._identifier.as_string(connection)],
        ).fetchall()
        return dict(rows)

    def _comment(self, connection: Connection[TupleRow], stored: Mapping[str, str]) -> None:
        """Write the comments that differ from the file's."""
        comments = {"": f"{self.description} {self._origin}", **self.comments}
        for column, comment in comments.items():
            if stored.get(column) == comment:
                continue
            if column:
                target = sql.Identifier(_SCHEMA, self.name, column)
                statement = sql.SQL("COMMENT ON COLUMN {} IS {}").format(target, comment)
            else:
                statement = sql.SQL("COMMENT ON TABLE {} IS {}").format(self._identifier, comment)
            connection.execute(statement)
