"""What Bybit's on-chain earn moved, from the history of the funding account.

"Get Stake/Redeem Order History" (2026-04-09) finds an order of on-chain earn by its id only, and
nothing lists the ids of what was redeemed. But "Stake / Redeem" (2026-06-16) says that on-chain
earn is paid from the funding account only, and what is not liquid staking back to it, so the
account's own history has all of it: entries of the type Earn. They have no ids, so a transfer has
that of its entry.

Liquid staking swaps a coin for a token, which is held in the account itself: both are entries of
its ledger, and nothing is moved to Earn. "Get Product Info" (2026-04-09) names these coins as
`coin` and `swapCoin`. The entries of such a coin are left out. If it is also staked without a
token, that is a difference of its size.

What is redeemed at the end together with its yield differs by the yield: no page says whether both
are one entry.
"""

import re
from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from alphapulse_pipeline.datasets.values import Row
from alphapulse_pipeline.exchange.errors import Unreadable
from alphapulse_pipeline.exchange.feed import Caller, Feed, Page, Paging, Raw, require
from alphapulse_pipeline.exchange.venues.bybit import funding_account
from alphapulse_pipeline.exchange.venues.bybit.common import EARN, FUNDING, LIST
from alphapulse_pipeline.exchange.venues.venue import Source

STREAM = "on-chain earn"
_ON_CHAIN = re.compile("on.?chain", re.IGNORECASE)
_PRODUCTS = "privateGetV5EarnProduct"
_SWAPPED = "isLiquidStaking"
"""A field that is added to principal of on-chain earn."""


def transfers() -> dict[str, Source]:
    history = funding_account.history(
        "; nor are the descriptions of on-chain earn on the page, which are expected to have the "
        "word on-chain; coins with liquid staking, by Get Product Info (2026-04-09), are left out"
    )
    return {
        STREAM: Source(
            replace(history, paging=_Marked(history.paging)),
            wallet=EARN,
            parse="parse_ledger_entry",
            kind="transfer",
            amend=_moved,
            once_used=True,
            daily=True,
        )
    }


@dataclass(frozen=True)
class _Marked:
    """The pages of the funding account's history; principal of on-chain earn is marked with whether
    its coin is swapped in liquid staking."""

    pages: Paging

    async def walk(
        self, call: Caller, feed: Feed, start: int, end: int, after: str | None
    ) -> AsyncGenerator[Page, None]:
        swapped: frozenset[str] | None = None
        async for listed in self.pages.walk(call, feed, start, end, after):
            if swapped is None and any(map(_is_principal, listed.rows)):
                swapped = await _swapped(call)
            coins = swapped or frozenset()
            yield replace(listed, rows=[_marked(row, coins) for row in listed.rows])


def _marked(row: Raw, swapped: frozenset[str]) -> Raw:
    return {**row, _SWAPPED: row.get("currency") in swapped} if _is_principal(row) else row


def _is_principal(row: Raw) -> bool:
    """Whether it is an entry of on-chain earn that is no payout. A row without the fields that say
    so is none, and rejected since they are required."""
    if not all(isinstance(row.get(name), str) for name in ("showBusiTypeEn", "descriptionEn")):
        return False
    if not funding_account.is_of_earn(row) or funding_account.is_payout(row):
        return False
    return _ON_CHAIN.search(row["descriptionEn"]) is not None


async def _swapped(call: Caller) -> frozenset[str]:
    """The coins of liquid staking, and their tokens. Raises `Unreadable`."""
    listed: Any = LIST(await call(_PRODUCTS, {"category": "OnChain"}))
    if not isinstance(listed, list):
        raise Unreadable(f"the answer of {_PRODUCTS} has no list")
    for product in listed:
        require(product, ("coin", "swapCoin"), _PRODUCTS)
    pairs = [(product["coin"], product["swapCoin"]) for product in listed]
    return frozenset(
        name for coin, token in pairs if token not in ("", coin) for name in (coin, token)
    )


def _moved(raw: Raw, row: Row) -> Row | None:
    if not _is_principal(raw) or raw.get(_SWAPPED):
        return None
    entry = funding_account.entry(raw, row)
    amount: Decimal = entry["amount"]
    ends = (FUNDING, EARN) if amount < 0 else (EARN, FUNDING)
    return row | {
        "transfer_id": entry["entry_id"],
        "amount": abs(amount),
        "fee_cost": None,
        "fee_currency": None,
        "from_wallet": ends[0],
        "to_wallet": ends[1],
        "status": "ok",
    }
