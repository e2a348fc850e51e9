"""Where rows lie in Bybit's answers, and what goes with none."""

from exchange_simulator.rows import Rows

_LAST_PAGE = {"result.nextPageCursor": ""}

ROWS = (
    # an account that holds nothing is a row with figures and no coins
    Rows(("result.list.0.coin",), "/v5/account/wallet-balance", nought="result.list.0"),
    Rows((), "/v5/asset/transfer/query-account-coin-balance", nought="result.balance"),
    Rows(("result.balance",), "/v5/asset/transfer/query-account-coins-balance"),
    Rows(("result.list",), empty=_LAST_PAGE),
    Rows(("result.rows",), empty=_LAST_PAGE),
)
