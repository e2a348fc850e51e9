"""Lots and lines in the database: read where they are needed, written by COPY."""

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal

from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.portfolio.lots import POSITION, Book, Lot, Method
from alphapulse_pipeline.portfolio.matching import Carried, Line
from alphapulse_pipeline.portfolio.queries import queries

_SQL = queries("lots")

_AT_ONCE = 200
_Books = dict[tuple[str, str], Book]


class Store:
    """The tables within one transaction."""

    def __init__(self, connection: Connection[TupleRow], method: Method) -> None:
        self._connection = connection
        self._method = method
        connection.execute(_SQL.changed_lots)

    def book(self, account: str, asset: str) -> Book:
        row = self._connection.execute(_SQL.book, {"account": account, "asset": asset}).fetchone()
        if row is None:
            raise AssertionError("a row is always answered")
        position, amount, cost, lots, lines = row
        return Book(
            POSITION if position else self._method,
            Decimal(0) if amount is None else amount,
            Decimal(0) if amount is None else cost,
            lots,
            lines,
            self._open(account, asset),
        )

    def left(self, book: str, asset: str, owner: str, withdrawal: str) -> list[Carried]:
        """What a withdrawal took along."""
        given = {"book": book, "asset": asset, "owner": owner, "withdrawal": withdrawal}
        return [Carried(*row) for row in self._connection.execute(_SQL.withdrawn, given).fetchall()]

    def write(self, books: _Books, lines: Sequence[Line]) -> None:
        """Lines, and lots that are closed: nothing changes them any more."""
        self._write_lots((place, book.closed) for place, book in books.items() if book.closed)
        self._copy(_SQL.copy_lines, lines)
        for book in books.values():
            book.closed = []

    def finish(self, books: _Books) -> None:
        """Lots that are open, and the sums."""
        self._write_lots((place, list(book.changed.values())) for place, book in books.items())
        self._connection.execute("ANALYZE changed_lots")
        self._connection.execute(_SQL.update_lots)
        with self._connection.cursor() as cursor:
            cursor.executemany(
                _SQL.set_cost_basis,
                [
                    {"account": account, "asset": asset, "amount": book.amount, "cost": book.cost}
                    for (account, asset), book in books.items()
                ],
            )

    def _open(self, account: str, asset: str) -> Iterator[list[Lot]]:
        read_up_to: dict[str, object] = {"place": Decimal("-Infinity"), "lot_id": 0}
        given = {"account": account, "asset": asset, "count": _AT_ONCE}
        while rows := self._connection.execute(_SQL.open_lots, given | read_up_to).fetchall():
            yield [Lot(*row) for row in rows]
            read_up_to = {"place": rows[-1][9], "lot_id": rows[-1][0]}

    def _write_lots(self, found: Iterable[tuple[tuple[str, str], list[Lot]]]) -> None:
        new: list[tuple[object, ...]] = []
        changed: list[tuple[object, ...]] = []
        for place, lots in found:
            for lot in lots:
                if lot.stored:
                    changed.append((*place, lot.lot_id, lot.remaining, lot.left))
                else:
                    new.append(_row(place, lot))
        self._copy(_SQL.copy_lots, new)
        self._copy(b"COPY changed_lots FROM STDIN", changed)

    def _copy(self, statement: bytes, rows: Sequence[tuple[object, ...]]) -> None:
        if not rows:
            return
        with self._connection.cursor() as cursor, cursor.copy(statement) as copy:
            for start in range(0, len(rows), 1000):
                copy.write("".join(map(_text, rows[start : start + 1000])))


def _row(place: tuple[str, str], lot: Lot) -> tuple[object, ...]:
    return (
        *place,
        *(lot.lot_id, lot.acquired_at, lot.entered_at, lot.amount, lot.remaining, lot.cost),
        *(lot.left, lot.source, lot.opened_by, lot.place),
    )


def _text(row: tuple[object, ...]) -> str:
    """A row as COPY reads it: made by hand, which takes a third of psycopg's time."""
    fields = [r"\N" if value is None else str(value) for value in row]
    text = "\t".join(fields)
    if text.count("\\") != fields.count(r"\N") or text.count("\t") >= len(row) or "\n" in text:
        fields = [r"\N" if v is None else str(v).translate(_ESCAPES) for v in row]
        text = "\t".join(fields)
    return text + "\n"


_ESCAPES = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})
