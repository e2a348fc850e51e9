"""What was bought and sold at Kraken outside of the order book.

"spend" and "receive" are entries of the ledger "for transactions made via the Buy Crypto button or
new Kraken app", and "sale" is the filter "that brings up all Spend and Receive entries" (How to
interpret Ledger history fields, support.kraken.com/articles/360001169383, undated; Get Ledgers
Info, `type`). "Trades history does not include" them (support.kraken.com/articles/115000302707).
The two entries have one reference id; an entry without the other counts by itself.
"""

from dataclasses import replace

from alphapulse_pipeline.datasets.values import Row
from alphapulse_pipeline.exchange.feed import Raw
from alphapulse_pipeline.exchange.venues.kraken.account import book_of, code
from alphapulse_pipeline.exchange.venues.kraken.common import SPOT, exact, happened, history
from alphapulse_pipeline.exchange.venues.kraken.ledger import ENTRY_FIELDS, LEDGER_PAGE
from alphapulse_pipeline.exchange.venues.kraken.pairs import in_pairs, pair
from alphapulse_pipeline.exchange.venues.venue import Source

_TYPES = {"spend", "receive"}


def conversions() -> dict[str, Source]:
    # so few entries that the whole time needs no windows
    feed = history(
        "privatePostLedgers", "ledger", "time", ENTRY_FIELDS, LEDGER_PAGE, window=None, type="sale"
    )
    page = replace(LEDGER_PAGE, note="the filter sale is documented for Kraken's website only")
    return {
        "buy": Source(
            replace(in_pairs(feed), documented=page),
            wallet=SPOT,
            parse="parse_ledger_entry",
            kind="buy",
            amend=_bought,
        )
    }


def _bought(raw: Raw, row: Row) -> Row | None:
    """A fee is charged on top of what is given; on what is received, it is less."""
    found = pair(raw)
    if found is None:
        return None
    given, received = found
    if {given["type"], received["type"]} != _TYPES:
        return None
    wallet, asset = book_of(given["asset"])
    other_wallet, other_asset = book_of(received["asset"])
    if wallet != other_wallet or code(asset) == code(other_asset):
        return None
    fee = exact(given, "fee")
    return row | {
        "conversion_id": raw["refid"],
        "wallet": wallet,
        "from_asset": code(asset),
        "from_amount": -exact(given, "amount"),
        "to_asset": code(other_asset),
        "to_amount": exact(received, "amount") - exact(received, "fee"),
        "fee_cost": fee,
        "fee_currency": code(asset) if fee else None,
        "happened_at": happened("time", given),
    }
