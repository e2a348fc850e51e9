"""Where the rows are in Bybit's answers, and what an empty answer looks like."""

from exchange_simulator.rows import Rows

_LAST_PAGE = {"result.nextPageCursor": ""}

ROWS = (
    # an empty account is one row with figures and no coins
    Rows(("result.list.0.coin",), "/v5/account/wallet-balance", zeroed="result.list.0"),
    Rows((), "/v5/asset/transfer/query-account-coin-balance", zeroed="result.balance"),
    Rows(("result.balance",), "/v5/asset/transfer/query-account-coins-balance"),
    Rows(("result.subMembers",), "/v5/user/submembers", empty={"result.nextCursor": "0"}),
    Rows(
        ("result.records",),
        "/v5/asset/covert",
        empty={"result.totalCount": "0", "result.lastPage": "0"},
    ),
    # the only list without a cursor
    Rows(("result.list",), "/v5/asset/exchange"),
    Rows(("result.list",), empty=_LAST_PAGE),
    Rows(("result.rows",), empty=_LAST_PAGE),
)
