"""Binance's sub-accounts."""

from collections.abc import AsyncIterator, Sequence
from itertools import count

from alphapulse_pipeline.exchange.errors import Unreadable
from alphapulse_pipeline.exchange.feed import Caller, at, require
from alphapulse_pipeline.exchange.sub_accounts import SubAccount, SubAccounts, all_pages
from alphapulse_pipeline.exchange.venues.binance import pages

_METHOD = "sapiGetSubAccountList"


async def _ask(call: Caller) -> Sequence[SubAccount]:
    """Query Sub-account List. It does not say how many there are: an empty page is the last."""
    return await all_pages(_pages(call))


async def _pages(call: Caller) -> AsyncIterator[list[SubAccount]]:
    limit = pages.SUB_ACCOUNTS.limit
    for page in count(1):
        rows = at("subAccounts")(await call(_METHOD, {"page": page, "limit": limit}))
        if not isinstance(rows, list):
            raise Unreadable("the answer has no list of sub-accounts")
        for row in rows:
            require(row, ("subUserId", "email"), _METHOD)
            if not isinstance(row.get("isFreeze"), bool):
                raise Unreadable("a sub-account does not say whether it is frozen")
        if not rows:
            return
        yield [SubAccount(str(r["subUserId"]), r["email"], r["isFreeze"]) for r in rows]


SUB_ACCOUNTS = SubAccounts(_ask, pages.SUB_ACCOUNTS)
