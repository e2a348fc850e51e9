"""Lots and realized lines in the database: read in batches, written with COPY."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal

from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.portfolio.lots import POSITION, Book, Lot, Method
from alphapulse_pipeline.portfolio.matching import Line, TransferredLot
from alphapulse_pipeline.portfolio.queries import queries

_SQL = queries("lots")
_BATCH = 200

_Key = tuple[str, str]
"""(book, asset)"""


class Store:
    """The tables within one transaction."""

    def __init__(self, connection: Connection[TupleRow], method: Method) -> None:
        self._connection = connection
        self._method = method
        connection.execute(_SQL.changed_lots)

    def book(self, account: str, asset: str) -> Book:
        row = self._connection.execute(_SQL.book, {"account": account, "asset": asset}).fetchone()
        if row is None:
            raise AssertionError("this query always returns a row")
        position, amount, cost, last_lot, last_line = row
        return Book(
            POSITION if position else self._method,
            Decimal(0) if amount is None else amount,
            Decimal(0) if amount is None else cost,
            last_lot,
            last_line,
            self._open_lots(account, asset),
        )

    def withdrawn(
        self, book: str, asset: str, entry: str, left_at: datetime | None
    ) -> list[TransferredLot]:
        """The parts of lots that this entry took from this book."""
        given = {"book": book, "asset": asset, "entry": entry, "left_at": left_at}
        rows = self._connection.execute(_SQL.withdrawn, given).fetchall()
        return [TransferredLot(*row) for row in rows]

    def write(self, books: dict[_Key, Book], lines: Sequence[Line]) -> None:
        """Store lines and closed lots, which never change again."""
        self._write_lots((key, book.closed) for key, book in books.items() if book.closed)
        self._copy(_SQL.copy_lines, lines)
        for book in books.values():
            book.closed = []

    def finish(self, books: dict[_Key, Book]) -> None:
        """Store open lots and the sums of each book."""
        self._write_lots((key, list(book.changed.values())) for key, book in books.items())
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

    def _open_lots(self, account: str, asset: str) -> Iterator[list[Lot]]:
        given = {"account": account, "asset": asset, "count": _BATCH}
        read_up_to: dict[str, object] = {"place": Decimal("-Infinity"), "lot_id": 0}
        while rows := self._connection.execute(_SQL.open_lots, given | read_up_to).fetchall():
            yield [Lot(*row) for row in rows]
            read_up_to = {"place": rows[-1][9], "lot_id": rows[-1][0]}

    def _write_lots(self, found: Iterable[tuple[_Key, list[Lot]]]) -> None:
        new: list[tuple[object, ...]] = []
        changed: list[tuple[object, ...]] = []
        for key, lots in found:
            for lot in lots:
                if lot.stored:
                    changed.append((*key, lot.lot_id, lot.remaining, lot.remaining_cost))
                else:
                    new.append(_row(key, lot))
        self._copy(_SQL.copy_lots, new)
        self._copy(b"COPY changed_lots FROM STDIN", changed)

    def _copy(self, statement: bytes, rows: Sequence[tuple[object, ...]]) -> None:
        if not rows:
            return
        with self._connection.cursor() as cursor, cursor.copy(statement) as copy:
            for start in range(0, len(rows), 1000):
                copy.write("".join(map(_text, rows[start : start + 1000])))


def _row(key: _Key, lot: Lot) -> tuple[object, ...]:
    return (
        *key,
        lot.lot_id,
        lot.acquired_at,
        lot.entered_at,
        lot.amount,
        lot.remaining,
        lot.cost,
        lot.remaining_cost,
        lot.source,
        lot.opened_by,
        lot.place,
    )


def _text(row: tuple[object, ...]) -> str:
    """A row in COPY's text format: three times as fast as psycopg's `write_row`."""
    fields = [r"\N" if value is None else str(value) for value in row]
    text = "\t".join(fields)
    if text.count("\\") != fields.count(r"\N") or text.count("\t") >= len(row) or "\n" in text:
        fields = [r"\N" if v is None else str(v).translate(_ESCAPES) for v in row]
        text = "\t".join(fields)
    return text + "\n"


_ESCAPES = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})
