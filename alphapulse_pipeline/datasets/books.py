"""Books: what the exchange itself says each part of an account is worth, beside what is read of it.

A book is what the exchange totals: a wallet, or a product such as Earn. Money in a book that is not
read would be missing from every value without a trace; here it has a name and a size.
"""

from decimal import Decimal

from alphapulse_pipeline.datasets.dataset import Part, Snapshot, snapshot_columns
from alphapulse_pipeline.datasets.table import key, numeric, text
from alphapulse_pipeline.datasets.values import Row

READ, UNREAD, NOT_ENABLED, UNKNOWN = "read", "unread", "not_enabled", "unknown"

BOOKS = Snapshot(
    name="books",
    comment="What the exchange says each part of the account is worth, beside what is read of it.",
    description="The exchange's own total of each part of the account (a book: a wallet, or a "
    "product such as Earn), beside the total of what is read of it.",
    columns=snapshot_columns(
        key("book", "The exchange's name of the part; the wallet's name if it gives no total."),
        text("currency", "The currency of both totals; NULL if the exchange gives no total."),
        numeric("exchange_total", "What the book is worth, according to the exchange."),
        numeric(
            "read_total",
            "What the balances and positions read from it are worth at the prices of the same "
            "account, without assets that have no price. NULL if they were not read within the ten "
            "minutes before.",
        ),
        text(
            "state",
            "read: it is one of the wallets that are read, or empty; unread: the exchange says "
            "that something is in it, and it is not read; not_enabled: the account never opened "
            "it; unknown: the exchange gives no total.",
            nullable=False,
            values=(READ, UNREAD, NOT_ENABLED, UNKNOWN),
        ),
    ),
    part=Part(
        "book",
        "CASE WHEN exchange_total <> 0 THEN book END",
        # what the exchange says is not in use is not empty by mistake
        lambda row: (
            str(row["book"]) if row["exchange_total"] or row["state"] == NOT_ENABLED else None
        ),
    ),
    lineage={
        "read_total": (
            ("balances", "total"),
            ("positions", "unrealized_pnl"),
            ("prices", "last"),
        )
    },
)


def book_row(
    book: str,
    state: str,
    currency: str | None = None,
    exchange_total: Decimal | None = None,
    read_total: Decimal | None = None,
) -> Row:
    return {
        "book": book,
        "currency": currency,
        "exchange_total": exchange_total,
        "read_total": read_total,
        "state": state,
    }
