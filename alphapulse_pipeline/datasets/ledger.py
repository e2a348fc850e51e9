"""Ledger: what the exchange itself booked, entry by entry."""

from decimal import Decimal

from alphapulse_pipeline.datasets.dataset import History, Place, Structure, history_columns
from alphapulse_pipeline.datasets.table import (
    WALLET,
    Column,
    Type,
    key,
    numeric,
    text,
    timestamp,
)
from alphapulse_pipeline.datasets.values import Row, moment, number

CLASSES = (
    "trade",
    "fee",
    "transfer",
    "funding",
    "interest",
    "reward",
    "conversion",
    "loan",
    "adjustment",
    "other",
)
"""What an entry is, in our own words. A venue sets it; one that it does not know is `other`."""


def _row(entry: Structure, place: Place) -> Row:
    """ccxt states the fee apart; the row's amount is the whole change of the balance."""
    written = str(entry.get("amount") or "")
    # without a direction, a negative amount is the only sign that something left
    out = (entry.get("direction") or ("out" if written.startswith("-") else "")) == "out"
    amount = number(entry.get("amount"))
    fee = number((entry.get("fee") or {}).get("cost")) or Decimal(0)
    return {
        "wallet": place.wallet,
        "kind": entry.get("type") or "",
        "entry_id": entry["id"],
        "asset": entry.get("currency"),
        "amount": None if amount is None else abs(amount) * (-1 if out else 1) - fee,
        "balance_after": number(entry.get("after")),
        "reference_id": entry.get("referenceId"),
        "class": "other",
        "happened_at": moment(entry["timestamp"]),
        "raw": entry["info"],
    }


LEDGER = History(
    name="ledger",
    comment="What the exchange itself booked.",
    description="What the exchange itself booked, entry by entry: the explanation of every "
    "balance. Partitioned by the day of `happened_at`.",
    columns=history_columns(
        key("wallet", WALLET),
        key("kind", "The exchange's word for the entry."),
        key("entry_id", "The exchange's id of the entry."),
        text("asset", "The asset booked.", nullable=False),
        numeric("amount", "Signed change of the balance.", nullable=False),
        numeric("balance_after", "The balance after it."),
        text("reference_id", "The id of what it was booked for."),
        Column(
            "class",
            Type.TEXT,
            "trade, fee, transfer, funding, interest, reward, conversion, loan, adjustment or "
            "other.",
            nullable=False,
            default="'other'",
            values=CLASSES,
        ),
        timestamp("happened_at", "When it happened, exchange time.", nullable=False),
    ),
    time="happened_at",
    id="entry_id",
    row=_row,
    identity=("entry_id", "asset", "amount", "balance_after"),
    import_match=("wallet", "asset", "amount"),
    optional={"class": "other"},
)
