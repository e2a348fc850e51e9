"""Bybit's Earn: flexible savings ("Easy Earn") and on-chain earn.

Read as the wallet `earn`: the principal of both. What was earned and is not distributed yet is not
part of it; what is distributed is in the ledger of the account that receives it. Not read: the
positions of Dual Assets, Discount Buy, Double Win and Smart Leverage ("Get Position Info" of
advanced Earn, 2026-04-07 and, of Discount Buy, 2026-04-29), Liquidity Mining (2026-04-07), Fixed
Saving (2026-04-14), BYUSDT (2026-04-09) and RWA (2026-06-05). What they take and pay back is in the
ledgers of the unified and the funding account, so those add up; the exchange's total of Earn shows
what is held there (`books`). What on-chain earn moved is read in `on_chain`.

An order does not say which account it was paid from or to: the funding account, unless the unified
account's log has the same amount at that time.
"""

from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from alphapulse_pipeline.datasets.values import Row, number
from alphapulse_pipeline.exchange.documented import Documented
from alphapulse_pipeline.exchange.errors import Unreadable
from alphapulse_pipeline.exchange.feed import Caller, Feed, Page, Paging, Raw, milliseconds, to_time
from alphapulse_pipeline.exchange.venues.bybit import ledger
from alphapulse_pipeline.exchange.venues.bybit.account import EARN_PERMISSION
from alphapulse_pipeline.exchange.venues.bybit.common import (
    EARN,
    FUNDING,
    IN_ANY_ORDER,
    LIST,
    TWO_YEARS,
    UNIFIED,
    WEEK,
    WINDOW,
    page,
)
from alphapulse_pipeline.exchange.venues.venue import Source, Wallet
from alphapulse_pipeline.exchange.walker import Final

_ZERO = Decimal(0)
_FLEXIBLE, _ON_CHAIN = _CATEGORIES = ("FlexibleSaving", "OnChain")

_POSITIONS = Documented(
    page="bybit-exchange.github.io/docs/v5/finance/earn/easy-onchain/position",
    dated="2026-05-06",
    permission=EARN_PERMISSION,
    note="one answer for each category, FlexibleSaving and OnChain, without pages; claimableYield "
    "is not part of amount; the page does not say whether the token received for liquid staking "
    "is listed here or is in the funding account; no rate limit is documented. Not read: fixed and "
    "structured products (Dual Assets, Discount Buy, Double Win, Smart Leverage, Liquidity Mining, "
    "Fixed Saving, BYUSDT, RWA), which have lists of their own: they are a difference of the book "
    "Earn",
)
_ORDERS = page(
    "finance/earn/easy-onchain/order-history",
    "2026-04-09",
    100,
    50,
    permission=EARN_PERMISSION,
    note="states no order, nor by which time it filters: rows are expected within the window by "
    "createdAt; nor how long rows are kept: as in Bybit's other lists, and an order that is lost "
    "is a difference of the wallet's balance; no rate limit is documented",
)
_PENDING = "Pending"
_STATUSES = {"Success": "ok", "Fail": "failed", _PENDING: "pending"}
_ACCOUNT = "accountType"
"""A field that is added to orders: the account at their other end."""
# orderType -> the type of its entry in the unified account's log
_LOGGED = {"Stake": "FLEXIBLE_STAKING_SUBSCRIPTION", "Redeem": "FLEXIBLE_STAKING_REDEMPTION"}
_MINUTE = 60_000


def wallet() -> Wallet:
    return Wallet(
        EARN,
        {"type": EARN},
        assets=_amounts,
        rows=_positions,
        required=("coin", "productId", "amount"),
        documented=_POSITIONS,
    )


def transfers() -> dict[str, Source]:
    return {
        EARN: Source(
            Feed(
                "privateGetV5EarnOrder",
                _Orders(Final(IN_ANY_ORDER, _is_pending)),
                {"category": _FLEXIBLE, "limit": _ORDERS.limit},
                LIST,
                milliseconds("createdAt"),
                WINDOW,
                required=("coin", "orderValue", "orderType", "orderId", "status", "createdAt"),
                window=WEEK,
                horizon=TWO_YEARS,
                documented=_ORDERS,
            ),
            wallet=EARN,
            parse="parse_transfer",
            kind="transfer",
            amend=_moved,
        )
    }


@dataclass(frozen=True)
class _Orders:
    """The pages of the list; orders get the account that they were paid from or to."""

    pages: Paging

    async def walk(
        self, call: Caller, feed: Feed, start: int, end: int, after: str | None
    ) -> AsyncGenerator[Page, None]:
        async for listed in self.pages.walk(call, feed, start, end, after):
            yield replace(listed, rows=await _with_accounts(call, listed.rows))


def _is_pending(order: Raw) -> bool:
    return order.get("status") == _PENDING


async def _with_accounts(call: Caller, orders: Sequence[Raw]) -> list[Raw]:
    """The orders, each with its account. Rows that cannot be read are left as they are."""
    logged = {
        kind: await _logged(call, kind, [row for row in orders if row.get("orderType") == kind])
        for kind in _LOGGED
    }
    return [
        {**row, _ACCOUNT: _account(row, logged.get(str(row.get("orderType")), []))}
        for row in orders
    ]


async def _logged(call: Caller, kind: str, orders: Sequence[Raw]) -> list[Raw]:
    """The entries of the unified account's log that may be those of orders of one type."""
    spans = [span for row in orders if (span := _span(row))]
    if not spans:
        return []
    feed = ledger.entries(lambda raw, row: row, type=_LOGGED[kind]).feed
    first, last = min(span[0] for span in spans), max(span[1] for span in spans)
    return [
        row
        async for found in feed.paging.walk(call, feed, first, last + 1, None)
        for row in found.rows
    ]


def _span(order: Raw) -> tuple[int, int] | None:
    """When its entry may have been booked."""
    created = milliseconds("createdAt")(order)
    if created is None:
        return None
    changed = milliseconds("updatedAt")(order) or created
    return created - _MINUTE, max(created, changed) + _MINUTE


def _account(order: Raw, logged: Sequence[Raw]) -> str:
    span, amount = _span(order), number(order.get("orderValue"))
    at = milliseconds("transactionTime")
    for entry in logged:
        moved = number(entry.get("change"))
        alike = entry.get("currency") == order.get("coin") and moved and abs(moved) == amount
        if alike and span and span[0] <= (at(entry) or 0) <= span[1]:
            return UNIFIED
    return FUNDING


def _moved(raw: Raw, row: Row) -> Row:
    kind, status = str(raw["orderType"]), str(raw["status"])
    if kind not in _LOGGED or status not in _STATUSES:
        raise Unreadable(f"an order in Earn that is a {kind} with the status {status}")
    ends = raw[_ACCOUNT], EARN
    changed = milliseconds("updatedAt")(raw)
    return row | {
        "from_wallet": ends[kind == "Redeem"],
        "to_wallet": ends[kind == "Stake"],
        "status": _STATUSES[status],
        "updated_at": to_time(changed) if changed else None,
    }


def _positions(answers: Any) -> Any:
    lists = [LIST(answers[category]) for category in _CATEGORIES]
    if not all(isinstance(rows, list) for rows in lists):
        return None
    return [row for rows in lists for row in rows]


def _amounts(answers: Any) -> Iterable[tuple[Any, ...]]:
    """Raw asset, total, used, debt, free: what is frozen, or on-chain, cannot be used at once.

    Raises `Unreadable` for a position that is listed twice with different amounts.
    """
    amounts: dict[tuple[str, ...], tuple[Decimal, Decimal]] = {}
    for category in _CATEGORIES:
        for row in LIST(answers[category]):
            held = number(row["amount"]) or _ZERO
            used = held if category == _ON_CHAIN else _frozen(row)
            position = row["coin"], category, row["productId"], str(row.get("id") or "")
            if amounts.setdefault(position, (held, used)) != (held, used):
                raise Unreadable(f"Bybit lists a position in Earn twice: {' '.join(position)}")
    return _by_coin(amounts)


def _frozen(row: Mapping[str, Any]) -> Decimal:
    parts = row.get("freezeDetails") or ()
    return sum((number(part["amount"]) or _ZERO for part in parts), _ZERO)


def _by_coin(
    amounts: Mapping[tuple[str, ...], tuple[Decimal, Decimal]],
) -> Iterator[tuple[Any, ...]]:
    for coin in dict.fromkeys(coin for coin, *_ in amounts):
        held = [pair for (name, *_), pair in amounts.items() if name == coin]
        total, used = (sum(column, _ZERO) for column in zip(*held, strict=True))
        yield coin, total, used, None, total - used
