"""Binance P2P: crypto bought from other users, or sold to them, and paid outside of the exchange.

What is bought is a deposit into the funding wallet, what is sold a withdrawal from it.
"""

from dataclasses import replace
from decimal import Decimal

from alphapulse_pipeline.datasets.values import Row, number
from alphapulse_pipeline.exchange.documented import SIX_MONTHS
from alphapulse_pipeline.exchange.errors import Unreadable
from alphapulse_pipeline.exchange.feed import Raw, between, milliseconds
from alphapulse_pipeline.exchange.new_values import meaning
from alphapulse_pipeline.exchange.venues.binance import pages
from alphapulse_pipeline.exchange.venues.binance.common import FUNDING, data_if_any, windowed
from alphapulse_pipeline.exchange.venues.venue import Amend, Source
from alphapulse_pipeline.exchange.walker.bisect import Bisect

_STATUSES = {
    "PENDING": "pending",
    "TRADING": "pending",
    "BUYER_PAYED": "pending",
    "DISTRIBUTING": "pending",
    "COMPLETED": "ok",
    "IN_APPEAL": "pending",
    "CANCELLED": "canceled",
    "CANCELLED_BY_SYSTEM": "canceled",
}


def transfers() -> dict[str, Source]:
    return {
        "p2p purchases": _orders("BUY", "deposit", _bought),
        "p2p sales": _orders("SELL", "withdrawal", _sold),
    }


def _orders(side: str, kind: str, amend: Amend) -> Source:
    source = windowed(
        "sapiGetC2cOrderMatchListUserOrderHistory",
        FUNDING,
        "parse_transaction",
        milliseconds("createTime"),
        amend,
        rows=data_if_any,
        # whether windows filter by the time of the order or of its last change is not documented
        paging=Bisect(),
        between=between("startTimestamp", "endTimestamp"),
        required=("orderNumber", "asset", "amount", "orderStatus", "createTime", "commission"),
        documented=pages.P2P,
        limit="rows",
        kind=kind,
        retention=SIX_MONTHS,
        tradeType=side,
    )
    return replace(source, daily=True)


def _bought(raw: Raw, row: Row) -> Row:
    amount, fee = _amount_and_fee(raw)
    return _order(raw, row) | {"to_wallet": FUNDING, "amount": amount - fee}


def _sold(raw: Raw, row: Row) -> Row:
    amount, _ = _amount_and_fee(raw)
    return _order(raw, row) | {"from_wallet": FUNDING, "amount": amount}


def _order(raw: Raw, row: Row) -> Row:
    """An order has no time of its last change: one that was canceled counts as if nothing had ever
    left the wallet."""
    status = meaning("status of a P2P order", raw["orderStatus"], _STATUSES, "pending")
    _, fee = _amount_and_fee(raw)
    return row | {
        "transfer_id": str(raw["orderNumber"]),
        "asset": raw["asset"],
        "fee_cost": fee,
        "fee_currency": raw["asset"] if fee else None,
        "status": status,
        "updated_at": row["happened_at"] if status == "canceled" else None,
    }


def _amount_and_fee(raw: Raw) -> tuple[Decimal, Decimal]:
    """A taker's fee has a field of its own, which older answers lack."""
    taker = raw.get("takerCommission") if raw.get("advertisementRole") == "TAKER" else None
    amount, fee = number(raw["amount"]), number(raw["commission"] if taker is None else taker)
    if amount is None or fee is None:
        raise Unreadable(f"a P2P order of Binance without an amount: {raw['orderNumber']}")
    return amount, fee
