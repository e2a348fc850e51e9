"""Where the rows are in Binance's answers, and what an empty answer looks like."""

from exchange_simulator.rows import Rows

_NONE = {"total": 0}
_NO_DEBT = {"marginLevel": "999", "collateralMarginLevel": "999"}
_WALLETS = ("/fapi/v2/account", "/fapi/v3/account", "/dapi/v1/account")

ROWS = (
    Rows(("balances",), "/api/v3/account"),
    Rows(("userAssets",), "/sapi/v1/margin/account", zeroed="", empty=_NO_DEBT),
    Rows(("assets",), "/sapi/v1/margin/isolated/account", zeroed=""),
    Rows(("asset",), "/eapi/v1/marginAccount"),
    Rows(("rows",), "/sapi/v1/asset/transfer", empty=_NONE, omitted=True),
    Rows(("subAccounts",), "/sapi/v1/sub-account/list"),
    Rows(("result",), "/sapi/v1/sub-account/universalTransfer", empty={"totalCount": 0}),
    Rows(("rows",), empty=_NONE),
    Rows(("data", "data"), "/sapi/v1/rebate/taxQuery"),
    Rows(("data",), "/sapi/v1/", empty=_NONE),
    *(Rows(("assets", "positions"), path, zeroed="") for path in _WALLETS),
    Rows(("symbols",)),
    Rows(("",)),
)
