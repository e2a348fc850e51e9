"""OKX's Earn: Simple Earn flexible ("savings"), and on-chain earn.

What is subscribed leaves the funding account, whose bills are the only list of it, and comes back
there. Savings compound: their interest is part of their balance. What on-chain earn yields is paid
to the funding account. Not read: Simple Earn fixed, structured products and the like, which no page
lists the balance of; the exchange's total of Earn shows what of it is missing (`books`).

Pages: Get saving balance, Get lending history, Get active orders of on-chain earn, Asset bills
history (www.okx.com/docs-v5/en, read as copies of 2025-11-30).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from alphapulse_pipeline.datasets.values import Row, number
from alphapulse_pipeline.exchange.errors import Unreadable
from alphapulse_pipeline.exchange.feed import Feed, Raw, milliseconds
from alphapulse_pipeline.exchange.venues.okx import loans, staking
from alphapulse_pipeline.exchange.venues.okx.common import (
    DATA,
    EARN,
    FUNDING,
    LIMIT,
    LOAN,
    STAKING,
    documented,
    per_user,
)
from alphapulse_pipeline.exchange.venues.okx.transfers import asset_bills
from alphapulse_pipeline.exchange.venues.venue import Source, Wallet
from alphapulse_pipeline.exchange.walker import Windows

_READ = "undated, read on 2026-11-29"
_MONTH = timedelta(days=28)
"""The shortest."""
# Simple Earn flexible: subscription, redemption; "DEFI/Staking": subscription, redemption
MOVED = (
    dict.fromkeys(("75", "76", "80", "82"), EARN)
    | dict.fromkeys(staking.MOVED, STAKING)
    | dict.fromkeys(loans.MOVED, LOAN)
)
"""Type of the funding account's bills -> the wallet that has its other half."""

_ZERO = Decimal(0)
_ORDER = "ordId"

_BALANCE = documented(
    "financial-product-simple-earn-flexible-get-saving-balance",
    _READ,
    per_user(6, 1),
    limit=None,
    default_limit=None,
    note="read as a copy of 2025-11-30; "
    "`amt` contains the earnings, in the page's example; on-chain earn is listed by "
    "financial-product-on-chain-earn-get-active-orders (3 requests per second)",
)
_INTEREST = documented(
    "financial-product-simple-earn-flexible-get-lending-history",
    _READ,
    per_user(6, 1),
    note="read as a copy of 2025-11-30; "
    "the past month; rows have no id, "
    "and how late they appear is not said",
)


def wallet() -> Wallet:
    return Wallet(EARN, {"type": EARN}, _amounts, _rows, ("ccy", "amt"), documented=_BALANCE)


def transfers() -> dict[str, Source]:
    """From all bills, since a list of one type would be four."""
    return {"earn": replace(asset_bills("transfer", _moved), wallet=EARN)}


def interest() -> dict[str, Source]:
    return {
        EARN: Source(
            Feed(
                "privateGetFinanceSavingsLendingHistory",
                Windows(margin=1),
                {"limit": LIMIT},
                DATA,
                milliseconds("ts"),
                # OKX excludes both ends
                lambda first, last: {"before": first - 1, "after": last + 1},
                required=("ccy", "earnings", "ts"),
                horizon=_MONTH,
                documented=_INTEREST,
            ),
            wallet=EARN,
            parse="parse_ledger_entry",
            once_used=True,
            amend=_lent,
        )
    }


def _moved(raw: Raw, row: Row) -> Row | None:
    place = MOVED.get(raw["type"])
    if place is None:
        return None
    out = number(raw["balChg"]) or _ZERO
    wallets = (FUNDING, place) if out < 0 else (place, FUNDING)
    return row | {
        "amount": abs(out),
        "fee_cost": None,
        "fee_currency": None,
        "from_wallet": wallets[0],
        "to_wallet": wallets[1],
        "status": "ok",
    }


def _lent(raw: Raw, row: Row) -> Row:
    """The interest of one currency at one time."""
    return row | {
        "kind": "lending",
        "class": "interest",
        "entry_id": f"{raw['ccy']} {raw['ts']}",
        "amount": number(raw["earnings"]),
        "balance_after": None,
        "reference_id": "",
    }


def _rows(answers: Any) -> Any:
    """The savings by currency, and what is invested in each order of on-chain earn."""
    saved, orders = DATA(answers["savings"]), DATA(answers["orders"])
    if not isinstance(saved, list) or not isinstance(orders, list):
        return None
    return [*saved, *(row for order in orders for row in _invested(order))]


def _invested(order: Any) -> list[Any]:
    """An order without a list of what is invested has no amount, and is rejected."""
    data = order.get("investData") if isinstance(order, Mapping) else None
    if not isinstance(data, list) or not data:
        return [order]
    return [{**row, _ORDER: order.get(_ORDER)} if isinstance(row, Mapping) else row for row in data]


def _amounts(answers: Any) -> Iterable[tuple[Any, ...]]:
    """Raw asset, total, used, debt, free: what is in an order cannot be used. Raises `Unreadable`
    for two different amounts of the same."""
    amounts: dict[tuple[str, str], Decimal] = {}
    for row in _rows(answers):
        place, amount = (row["ccy"], str(row.get(_ORDER) or "")), number(row["amt"]) or _ZERO
        if amounts.setdefault(place, amount) != amount:
            raise Unreadable(f"OKX lists {row['ccy']} twice in Earn")
    return _by_currency(amounts)


def _by_currency(amounts: Mapping[tuple[str, str], Decimal]) -> Iterator[tuple[Any, ...]]:
    for currency in dict.fromkeys(currency for currency, _ in amounts):
        free = amounts.get((currency, ""), _ZERO)
        used = sum((a for (c, order), a in amounts.items() if c == currency and order), _ZERO)
        yield currency, free + used, used, _ZERO, free
