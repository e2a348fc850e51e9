"""Ledger: the exchange's own bookings, entry by entry."""

from decimal import Decimal

from alphapulse_pipeline.datasets.dataset import History, Place, Structure, history_columns
from alphapulse_pipeline.datasets.table import (
    WALLET,
    Column,
    Index,
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
"""The class of an entry, the same for all exchanges. Venues set it; unknown kinds are `other`."""


def _row(entry: Structure, place: Place) -> Row:
    """ccxt states the fee separately; the row's amount is the whole change of the balance."""
    signed = str(entry.get("amount") or "")
    # without a direction, the sign of the amount decides
    out = (entry.get("direction") or ("out" if signed.startswith("-") else "")) == "out"
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
    comment="The exchange's own ledger: every change of a balance.",
    description="The exchange's own ledger: every change of a balance, with its reason. "
    "Partitioned by the day of `happened_at`.",
    columns=history_columns(
        key("wallet", WALLET),
        key("kind", "The exchange's own type of the entry."),
        key("entry_id", "The exchange's id of the entry."),
        text("asset", "The asset of the entry.", nullable=False),
        numeric("amount", "Change of the balance, after fees.", nullable=False),
        numeric("balance_after", "Balance after the entry."),
        text("reference_id", "The id of the trade, transfer, ... that caused the entry."),
        Column(
            "class",
            Type.TEXT,
            "trade, fee, transfer, funding, interest, reward, conversion, loan, adjustment or "
            "other.",
            nullable=False,
            default="'other'",
            values=CLASSES,
        ),
        timestamp("happened_at", "When it was booked, exchange time.", nullable=False),
    ),
    time="happened_at",
    id="entry_id",
    row=_row,
    identity=("entry_id", "asset", "amount", "balance_after"),
    import_match=("wallet", "asset", "amount"),
    optional={"class": "other"},
    more_indexes=(Index("ledger_transfers", ("account", "happened_at"), "class = 'transfer'"),),
)
