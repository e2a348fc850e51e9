"""Lots and lines in the database: read where they are needed, written by COPY."""

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal

from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.portfolio.lots import POSITION, Book, Lot, Method
from alphapulse_pipeline.portfolio.matching import Carried, Line

_AT_ONCE = 200

_BOOK = """
SELECT portfolio.is_position(%(asset)s),
       (SELECT amount FROM portfolio.cost_basis
        WHERE account = %(account)s AND asset = %(asset)s),
       (SELECT cost FROM portfolio.cost_basis WHERE account = %(account)s AND asset = %(asset)s),
       coalesce((SELECT lot_id FROM portfolio.lots WHERE account = %(account)s
                 AND asset = %(asset)s ORDER BY lot_id DESC LIMIT 1), 0),
       coalesce((SELECT line_id FROM portfolio.realized_pnl WHERE account = %(account)s
                 AND asset = %(asset)s ORDER BY line_id DESC LIMIT 1), 0)
"""

_OPEN = """
SELECT lot_id, acquired_at, entered_at, amount, remaining, cost, remaining_cost, source, opened_by,
       place, true
FROM portfolio.lots
WHERE account = %s AND asset = %s AND remaining <> 0 AND (place, lot_id) > (%s, %s)
ORDER BY place, lot_id LIMIT %s
"""

# Ids are an account's own: of two withdrawals with the same one the time tells which it was.
_LEFT = """
SELECT acquired_at, opened_by, amount, basis FROM portfolio.realized_pnl
WHERE account = %(book)s AND asset = %(asset)s AND closed_by = %(withdrawal)s
  AND kind = 'transfer' AND amount > 0 AND realized_at = (
      SELECT happened_at FROM alphapulse.transfers
      WHERE account = %(owner)s AND kind = 'withdrawal'
        AND transfer_id = substr(%(withdrawal)s, length('withdrawal ') + 1))
ORDER BY line_id
"""

_COPY_LOTS = """
COPY portfolio.lots (account, asset, lot_id, acquired_at, entered_at, amount, remaining, cost,
    remaining_cost, source, opened_by, place) FROM STDIN
"""
_COPY_LINES = """
COPY portfolio.realized_pnl (account, asset, line_id, kind, realized_at, amount, proceeds, cost,
    acquired_at, opened_by, closed_by, lot_id, basis) FROM STDIN
"""
_CHANGED = """
CREATE TEMP TABLE changed_lots (account text, asset text, lot_id bigint, remaining numeric,
    remaining_cost numeric) ON COMMIT DROP
"""
_UPDATE = """
UPDATE portfolio.lots AS l SET remaining = c.remaining, remaining_cost = c.remaining_cost
FROM changed_lots AS c
WHERE l.account = c.account AND l.asset = c.asset AND l.lot_id = c.lot_id
"""
_BALANCE = """
INSERT INTO portfolio.cost_basis (account, asset, amount, cost) VALUES (%s, %s, %s, %s)
ON CONFLICT (account, asset) DO UPDATE SET amount = excluded.amount, cost = excluded.cost
"""

_Books = dict[tuple[str, str], Book]


class Store:
    """The tables within one transaction."""

    def __init__(self, connection: Connection[TupleRow], method: Method) -> None:
        self._connection = connection
        self._method = method
        connection.execute(_CHANGED)

    def book(self, account: str, asset: str) -> Book:
        row = self._connection.execute(_BOOK, {"account": account, "asset": asset}).fetchone()
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
        return [Carried(*row) for row in self._connection.execute(_LEFT, given).fetchall()]

    def write(self, books: _Books, lines: Sequence[Line]) -> None:
        """Lines, and lots that are closed: nothing changes them any more."""
        self._write_lots((place, book.closed) for place, book in books.items() if book.closed)
        self._copy(_COPY_LINES, lines)
        for book in books.values():
            book.closed = []

    def finish(self, books: _Books) -> None:
        """Lots that are open, and the sums."""
        self._write_lots((place, list(book.changed.values())) for place, book in books.items())
        self._connection.execute("ANALYZE changed_lots")
        self._connection.execute(_UPDATE)
        with self._connection.cursor() as cursor:
            cursor.executemany(
                _BALANCE, [(*place, book.amount, book.cost) for place, book in books.items()]
            )

    def _open(self, account: str, asset: str) -> Iterator[list[Lot]]:
        place: tuple[object, object] = (Decimal("-Infinity"), 0)
        while rows := self._connection.execute(
            _OPEN, [account, asset, *place, _AT_ONCE]
        ).fetchall():
            yield [Lot(*row) for row in rows]
            place = rows[-1][9], rows[-1][0]

    def _write_lots(self, found: Iterable[tuple[tuple[str, str], list[Lot]]]) -> None:
        new: list[tuple[object, ...]] = []
        changed: list[tuple[object, ...]] = []
        for place, lots in found:
            for lot in lots:
                if lot.stored:
                    changed.append((*place, lot.lot_id, lot.remaining, lot.left))
                else:
                    new.append(_row(place, lot))
        self._copy(_COPY_LOTS, new)
        self._copy("COPY changed_lots FROM STDIN", changed)

    def _copy(self, statement: str, rows: Sequence[tuple[object, ...]]) -> None:
        if not rows:
            return
        with self._connection.cursor() as cursor, cursor.copy(statement.encode()) as copy:
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
