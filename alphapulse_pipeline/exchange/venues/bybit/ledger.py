"""Bybit's ledger: the transaction log of the unified wallet."""

from decimal import Decimal
from typing import Any

from alphapulse_pipeline.datasets.values import Row, number
from alphapulse_pipeline.exchange.feed import Feed, Raw, milliseconds
from alphapulse_pipeline.exchange.venues.bybit.common import (
    IN_ANY_ORDER,
    LIST,
    TWO_YEARS,
    UNIFIED,
    WEEK,
    WINDOW,
    page,
)
from alphapulse_pipeline.exchange.venues.ledger_classes import ledger_class
from alphapulse_pipeline.exchange.venues.venue import Amend, Source

# type of an entry -> class
_CLASSES = {
    "TRADE": "trade",
    "LIQUIDATION": "trade",
    "ADL": "trade",
    "DELIVERY": "trade",
    "TRANSFER_IN": "transfer",
    "TRANSFER_OUT": "transfer",
    "SETTLEMENT": "funding",
    "INTEREST": "interest",
    "AIRDROP": "reward",
    "BONUS": "reward",
    "FEE_REFUND": "adjustment",
}
_PART = "part"
"""A field that is added to the parts of a settlement: which of its amounts the part has."""
_FUNDING, _SESSION = "funding", "cashFlow"
_ENTRY_FIELDS = ("id", "type", "currency", "change", "cashBalance", "tradeId", "orderId")
_LOG = page(
    "account/transaction-log",
    "2026-03-16",
    50,
    20,
    cost="1 of 25 per second",
    note="states neither an order nor how late entries appear; settlements carry the full hour and "
    "are booked later, so only the last page of each window of seven days proves anything",
)


def ledger() -> dict[str, Source]:
    return {"unified": entries(_entry)}


def entries(amend: Amend, **params: str) -> Source:
    """The entries of the transaction log, or those that `params` select, e.g. `type="INTEREST"`."""
    return Source(
        Feed(
            "privateGetV5AccountTransactionLog",
            IN_ANY_ORDER,
            {"accountType": "UNIFIED", "limit": _LOG.limit, **params},
            _entries,
            milliseconds("transactionTime"),
            WINDOW,
            required=_ENTRY_FIELDS,
            window=WEEK,
            horizon=TWO_YEARS,
            documented=_LOG,
        ),
        wallet=UNIFIED,
        parse="parse_ledger_entry",
        amend=amend,
    )


def _entries(answer: Any) -> Any:
    """The entries; a settlement of funding and of a session is two.

    USDC contracts settle both at the same time, in a single record (`funding` and `cashFlow`), and
    the history of funding has only the former. The page does not say whether `tradeId` is the id of
    the funding payment, so the parts are separated here, and not by it.
    """
    found = LIST(answer)
    if not isinstance(found, list):
        return found
    return [part for entry in found for part in _parts(entry)]


def _parts(entry: Any) -> list[Any]:
    settled = isinstance(entry, dict) and entry.get("type") == "SETTLEMENT"
    if not settled or not number(entry.get(_SESSION)):
        return [entry]
    return [{**entry, _PART: _FUNDING}, {**entry, _PART: _SESSION}]


def _entry(raw: Raw, row: Row) -> Row:
    """`change` is the change of the balance, fee included: cashFlow + funding - fee."""
    entry = row | {
        "kind": raw["type"],
        "amount": Decimal(raw["change"]),
        "reference_id": raw.get("tradeId") or raw.get("orderId") or "",
        "class": ledger_class(raw["type"], _CLASSES),
    }
    if _PART not in raw:
        return entry
    session = Decimal(raw[_SESSION])
    if raw[_PART] == _SESSION:
        return entry | {"kind": f"{raw['type']} {_SESSION}", "amount": session, "class": "other"}
    before = number(entry["balance_after"])
    return entry | {
        "amount": entry["amount"] - session,
        "balance_after": None if before is None else before - session,
    }
