"""What the exchanges' own totals say is missing."""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from psycopg import Connection
from psycopg.rows import TupleRow


class Missing(NamedTuple):
    """A book whose total, according to the exchange, is not that of what is read."""

    account: str
    book: str
    currency: str
    exchange_total: Decimal
    read_total: Decimal
    share: Decimal
    """Of the account, 0 to 1."""
    finding: str

    def __str__(self) -> str:
        if self.finding.startswith("not read"):
            return (
                f"{self.book} is not read: it holds {self.exchange_total:,.2f} {self.currency}, "
                f"{100 * self.share:.2f} % of the account"
            )
        return (
            f"{self.book}: the exchange counts {self.exchange_total:,.2f} {self.currency}, "
            f"{self.read_total:,.2f} were read"
        )


def missing(connection: Connection[TupleRow], accounts: Sequence[str]) -> list[Missing]:
    """Of these accounts, the largest share first."""
    rows = connection.execute(
        "SELECT account, book, currency, exchange_total, read_total, share, finding"
        " FROM alphapulse.books_missing WHERE account = ANY(%s) ORDER BY share DESC, account, book",
        [list(accounts)],
    ).fetchall()
    return [Missing(*row) for row in rows]
