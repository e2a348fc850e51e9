"""Where the rows are in Bybit's answers, and what an empty answer looks like."""

from exchange_simulator.rows import Rows

_LAST_PAGE = {"result.nextPageCursor": ""}

ROWS = (
    # an empty account is one row with figures and no coins
    Rows(("result.list.0.coin",), "/v5/account/wallet-balance", zeroed="result.list.0"),
    Rows((), "/v5/asset/transfer/query-account-coin-balance", zeroed="result.balance"),
    Rows(("result.balance",), "/v5/asset/transfer/query-account-coins-balance"),
    Rows(("result.subMembers",), "/v5/user/submembers", empty={"result.nextCursor": "0"}),
    Rows(("result.list",), empty=_LAST_PAGE),
    Rows(("result.rows",), empty=_LAST_PAGE),
)
