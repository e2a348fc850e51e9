"""The pages of Binance's documentation on Portfolio Margin: see `pages.py`."""

from alphapulse_pipeline.exchange.venues.binance.common import COINM, MARGIN, USDM
from alphapulse_pipeline.exchange.venues.binance.pages import NAMES_MARKETS, NEWEST_WEEK, page

_PAGES = (
    "developers.binance.com/en/docs/catalog/advanced-trading-derivatives-trading-portfolio-margin/"
    "api/rest-api/"
)
_WEIGHT = "of 6000 per minute and IP, of Portfolio Margin"

WALLET = page(
    f"{_PAGES}account#account-balance",
    f"20 {_WEIGHT}",
    note="totalWalletBalance has what is held on cross margin and on both futures, with what "
    "is borrowed; what negativeBalance counts is left open: it is not read. Whether reading "
    "needs the permission Enable Portfolio Margin Trading is left open too: the endpoint is "
    "asked once a day, and if it refuses the key, the wallet is closed",
)
POSITIONS = {
    USDM: page(f"{_PAGES}account#query-um-position-information", f"5 {_WEIGHT}"),
    COINM: page(f"{_PAGES}account#query-cm-position-information", f"1 {_WEIGHT}"),
}
FILLS = {
    USDM: page(
        f"{_PAGES}trade#um-account-trade-list",
        f"5 {_WEIGHT}",
        1000,
        500,
        note=f"{NEWEST_WEEK.format('fromId')}; an undated copy of the page allows windows of "
        "24 hours; no retention is documented: six months, as on USD-M",
    ),
    COINM: page(
        f"{_PAGES}trade#cm-account-trade-list",
        f"20 {_WEIGHT}",
        1000,
        50,
        note="without times the last 24 hours are returned, and fromId cannot be combined with "
        "times: whether it reaches further back is left open. Read by id only if a row older than "
        "that is returned, otherwise in windows of 24 hours; no retention is documented: six "
        "months, as on USD-M",
    ),
    MARGIN: page(
        f"{_PAGES}trade#margin-account-trade-list",
        f"5 {_WEIGHT}",
        1000,
        500,
        note="the limits are those of the same list without Portfolio Margin; the first id "
        "requested is 1, since 0 might be taken for none",
    ),
}
_AS_WITHOUT = "no retention is documented: 90 days, as without Portfolio Margin"
ORDERS = {
    USDM: page(
        f"{_PAGES}trade#query-all-um-orders",
        f"5 {_WEIGHT}",
        1000,
        500,
        note=f"{NEWEST_WEEK.format('orderId')}; {_AS_WITHOUT}; conditional orders, which are "
        "listed apart, are not read",
    ),
    COINM: page(
        f"{_PAGES}trade#query-all-cm-orders",
        f"20 {_WEIGHT}",
        100,
        50,
        note=f"the longest window is not documented: 7 days, as on USD-M; {_AS_WITHOUT}; the "
        "limits are those of the same list without Portfolio Margin; conditional orders, which "
        "are listed apart, are not read",
    ),
    MARGIN: page(
        f"{_PAGES}trade#query-all-margin-account-orders",
        f"100 {_WEIGHT}",
        500,
        500,
        note="the limits are those of the same list without Portfolio Margin; the first id "
        "requested is 1, since 0 might be taken for none",
    ),
}
OPEN_ORDERS = {
    USDM: page(f"{_PAGES}trade#query-all-current-um-open-orders", f"40 {_WEIGHT}"),
    COINM: page(f"{_PAGES}trade#query-all-current-cm-open-orders", f"40 {_WEIGHT}"),
    MARGIN: page(
        f"{_PAGES}trade#query-current-margin-open-order",
        f"5 {_WEIGHT}",
        note="without a symbol it counts as many requests as there are symbols trading, and how "
        "that is weighed is left open",
    ),
}
ORDER = {
    USDM: page(f"{_PAGES}trade#query-um-order", f"1 {_WEIGHT}"),
    COINM: page(f"{_PAGES}trade#query-cm-order", f"1 {_WEIGHT}"),
    MARGIN: page(f"{_PAGES}trade#query-margin-account-order", f"10 {_WEIGHT}"),
}
_LOANS = (
    "of one asset: requested for those that the interest of the time names, or that are owed now; "
    "a loan that was never charged interest and is repaid is not found; "
)
_ARCHIVED = "beyond the six months after which rows are archived, silence proves nothing"
LOANS = {
    "loans": page(
        f"{_PAGES}account#query-margin-loan-record",
        f"10 {_WEIGHT}",
        100,
        10,
        order="descending",
        note=_LOANS + _ARCHIVED,
    ),
    "repayments": page(
        f"{_PAGES}account#query-margin-repay-record",
        f"10 {_WEIGHT}",
        100,
        10,
        order="descending",
        note=f"{_LOANS}principal and interest are an entry each. Interest of a negative balance of "
        "futures has a list whose page does not say which part of the account pays it: it is not "
        f"read, and what it moves shows as a difference; {_ARCHIVED}",
    ),
}
INTEREST = page(
    f"{_PAGES}account#get-margin-borrow-loan-interest-history",
    f"1 {_WEIGHT}",
    100,
    10,
    order="descending",
)
_WITHIN = (
    "rows of the type TRANSFER are left out: only cross margin can be paid into and out of "
    "(binance.com/en/support/faq, Wallet Transfers in Portfolio Margin, 2025-01-17), so that they "
    "move what stays in the wallet"
)
INCOME = {
    USDM: page(
        f"{_PAGES}account#get-um-income-history",
        f"30 {_WEIGHT}",
        1000,
        100,
        note=f"{_WITHIN}; the longest window is not documented; {NAMES_MARKETS}",
    ),
    COINM: page(
        f"{_PAGES}account#get-cm-income-history",
        f"30 {_WEIGHT}",
        1000,
        100,
        note=f"{_WITHIN}; no retention is documented: beyond the three months of USD-M, silence "
        f"proves nothing; windows of up to 200 days; {NAMES_MARKETS}",
    ),
}
