"""Where the rows are in Kraken's answers, and what an empty answer looks like."""

from exchange_simulator.rows import Rows

_NONE = {"result.count": 0}
_LAST_PAGE = {"result.next_cursor": None}

ROWS = (
    Rows(("result.trades",), "/0/private/TradesHistory", named=True, empty=_NONE),
    Rows(("result.closed",), "/0/private/ClosedOrders", named=True, empty=_NONE),
    Rows(("result.ledger",), "/0/private/Ledgers", named=True, empty=_NONE),
    Rows(("result.open",), "/0/private/OpenOrders", named=True),
    Rows(("result.deposit",), "/0/private/DepositStatus", empty=_LAST_PAGE),
    Rows(("result.withdrawals",), "/0/private/WithdrawStatus", empty=_LAST_PAGE),
    Rows((), "/0/private/TradeBalance", zeroed="result"),
    # both balances, everything queried by id, markets and tickers
    *(
        Rows(("result",), path, named=True)
        for path in (
            "/0/private/Balance",
            "/0/private/OpenPositions",
            "/0/private/Query",
            "/0/public/Asset",
            "/0/public/Ticker",
        )
    ),
    # transfers without a cursor, and the transfer methods
    Rows(("result",)),
)
