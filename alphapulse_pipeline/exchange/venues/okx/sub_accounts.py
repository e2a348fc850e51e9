"""OKX's sub-accounts."""

from collections.abc import Sequence

from alphapulse_pipeline.exchange.errors import Incomplete, Unreadable
from alphapulse_pipeline.exchange.feed import Caller, require
from alphapulse_pipeline.exchange.sub_accounts import SubAccount, SubAccounts
from alphapulse_pipeline.exchange.venues.okx.common import DATA, LIMIT, documented, per_user

_METHOD = "privateGetUsersSubaccountList"
_DOCUMENTED = documented(
    "sub-account-rest-api-get-sub-account-list",
    "undated, known from copies of 2026-11-28",
    per_user(2),
    note="of the master account only; the page itself was not read, and the limit is the stricter "
    "of two that are found",
)


async def _ask(call: Caller) -> Sequence[SubAccount]:
    """Get sub-account list. `after` is a creation time: what was created before it follows.
    `enable`: "true: normal, false: frozen". Raises `Incomplete` if a whole page was created in one
    millisecond."""
    found: dict[str, SubAccount] = {}
    after: dict[str, str] = {}
    while True:
        rows = DATA(await call(_METHOD, {"limit": str(LIMIT), **after}))
        if not isinstance(rows, list):
            raise Unreadable("the answer has no list of sub-accounts")
        for row in rows:
            require(row, ("uid", "subAcct", "ts"), _METHOD)
            if not isinstance(row.get("enable"), bool) or not str(row["ts"]).isdigit():
                raise Unreadable("a sub-account has no state, or no time of its creation")
        page = {
            str(r["uid"]): SubAccount(str(r["uid"]), r["subAcct"], not r["enable"]) for r in rows
        }
        if page.keys() <= found.keys():
            if len(rows) >= LIMIT:
                raise Incomplete("a page of the list of sub-accounts has no new ones")
            return list(found.values())
        found |= page
        # several may have been created in the last row's millisecond
        after = {"after": str(min(int(row["ts"]) for row in rows) + 1)}


SUB_ACCOUNTS = SubAccounts(_ask, _DOCUMENTED)
