"""Kraken's ledger: every change of a balance is in it.

Pages: Get Ledgers Info (docs.kraken.com/api-reference/account-data/get-ledgers-info), "How to
interpret Ledger history fields" (support.kraken.com/articles/360001169383), "How to calculate
profits/losses from trading on margin" (support.kraken.com/articles/360027712571).
"""

from alphapulse_pipeline.datasets.values import Row
from alphapulse_pipeline.exchange.feed import Raw
from alphapulse_pipeline.exchange.venues.kraken.account import book_of
from alphapulse_pipeline.exchange.venues.kraken.common import (
    HISTORY_COST,
    LEDGER_ENTRIES,
    PAGE,
    SPOT,
    documented,
    happened,
    history,
)
from alphapulse_pipeline.exchange.venues.ledger_classes import ledger_class
from alphapulse_pipeline.exchange.venues.venue import Source

# Required fields: stored columns are read from them.
ENTRY_FIELDS = ("refid", "time", "type", "asset", "amount", "fee", "balance")
LEDGER_PAGE = documented(
    "account-data/get-ledgers-info",
    LEDGER_ENTRIES,
    HISTORY_COST,
    limit=PAGE,
    default_limit=PAGE,
    note="start is exclusive, end inclusive; how long entries are kept is not said, so for ever",
)
# type of an entry -> class
_CLASSES = {
    "trade": "trade",
    # what a fill on margin realized, and its fees: the fill has them from here
    "margin": "trade",
    "deposit": "transfer",
    "withdrawal": "transfer",
    "rollover": "interest",
    "staking": "reward",
    "dividend": "reward",
    "reward": "reward",
    "nft_rebate": "reward",
    "credit": "loan",
    "nftrebate": "reward",
    "adjustment": "adjustment",
    # bought and sold in the app
    **dict.fromkeys(("spend", "receive", "sale"), "conversion"),
    # in no other history: conversions, settled positions, airdrops
    **dict.fromkeys(("conversion", "settled", "transfer"), "other"),
    **dict.fromkeys(("earn", "nfttrade", "nftcreatorfee", "custodytransfer"), "other"),
}
# Subtypes of the types earn and transfer that only move an asset from one book to another.
ALLOCATIONS = frozenset(
    {
        "allocation",
        "deallocation",
        "autoallocate",
        "autoallocation",
        "migration",
        "spottostaking",
        "stakingfromspot",
        "stakingtospot",
        "spotfromstaking",
    }
)


# Subtypes of transfers to and from the wallet at Kraken Futures, which is an account of its own.
_FUTURES = frozenset({"spottofutures", "spotfromfutures"})


def ledger() -> dict[str, Source]:
    feed = history("privatePostLedgers", "ledger", "time", ENTRY_FIELDS, LEDGER_PAGE)
    return {"ledger": Source(feed, wallet=SPOT, parse="parse_ledger_entry", amend=entry)}


def entry(raw: Raw, row: Row) -> Row:
    wallet, _ = book_of(raw["asset"])
    return row | {
        "wallet": wallet,
        "asset": plain(row["asset"]),
        "kind": raw["type"],
        "class": _class(raw, row),
        "happened_at": happened("time", raw),
    }


def plain(code: str) -> str:
    """ccxt's code without the suffix of a book."""
    return book_of(code)[1]


def _class(raw: Raw, row: Row) -> str:
    kind, subtype = raw["type"], str(raw.get("subtype") or "")
    if subtype in ALLOCATIONS or subtype in _FUTURES:
        return "transfer"
    if kind == "earn" and subtype == "reward":
        return "reward"
    # a canceled withdrawal is refunded by a withdrawal of a positive amount, in no other history
    if kind == "withdrawal" and row["amount"] > 0:
        return "adjustment"
    return ledger_class(kind, _CLASSES)
