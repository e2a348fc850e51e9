"""Bybit's sub-accounts."""

from collections.abc import AsyncIterator, Sequence

from alphapulse_pipeline.exchange.documented import Documented
from alphapulse_pipeline.exchange.errors import Unreadable
from alphapulse_pipeline.exchange.feed import Caller, at, require
from alphapulse_pipeline.exchange.sub_accounts import SubAccount, SubAccounts, all_pages

_METHOD = "privateGetV5UserSubmembers"
_DOCUMENTED = Documented(
    page="bybit-exchange.github.io/docs/v5/user/page-subuid",
    dated="2026-03-16",
    limit=100,
    permission="of the master account: Account Transfer or Subaccount Transfer, also read-only",
    note="neither the default page size nor the rate limit is documented",
)
_NORMAL, _LAST_PAGE = 1, "0"


async def _ask(call: Caller) -> Sequence[SubAccount]:
    """Get Sub UID List (Unlimited). `status`: "1: normal, 2: login banned, 4: frozen"; the cursor
    "0" means no more pages."""
    return await all_pages(_pages(call))


async def _pages(call: Caller) -> AsyncIterator[list[SubAccount]]:
    cursor: dict[str, str] = {}
    while cursor.get("nextCursor") != _LAST_PAGE:
        answer = at("result")(await call(_METHOD, {"pageSize": "100", **cursor}))
        require(answer, ("nextCursor",), _METHOD)
        rows = answer.get("subMembers")
        if not isinstance(rows, list):
            raise Unreadable("the answer has no list of sub-accounts")
        for row in rows:
            require(row, ("uid", "username", "status"), _METHOD)
        yield [SubAccount(str(r["uid"]), r["username"], r["status"] != _NORMAL) for r in rows]
        cursor = {"nextCursor": str(answer["nextCursor"])}


SUB_ACCOUNTS = SubAccounts(_ask, _DOCUMENTED)
