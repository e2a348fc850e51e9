"""The pages of Binance's documentation that its sources rely on, as data.

Weights and notes are those of developers.binance.com/en/docs/catalog as of 2026-08-21, as the
repository binance/binance-connector-python repeats them. These pages no longer say how many rows an
answer has: the limits are those of the same endpoints on developers.binance.com/docs, undated.
Spot is documented in the repository binance/binance-spot-api-docs.
"""

from datetime import timedelta

from alphapulse_pipeline.exchange.documented import Documented
from alphapulse_pipeline.exchange.venues.binance.common import (
    COINM,
    FUNDING,
    ISOLATED,
    MARGIN,
    OPTION,
    SPOT,
    USDM,
)

_READING = "Enable Reading"
_CATALOG = "developers.binance.com/en/docs/catalog/core-trading-"
_USDM = f"{_CATALOG}derivatives-trading-usd-s-m-futures/api/rest-api/"
_COINM = f"{_CATALOG}derivatives-trading-coin-m-futures/api/rest-api/"
OPTIONS = f"{_CATALOG}derivatives-trading-options/api/rest-api/"
_MARGIN = f"{_CATALOG}margin-trading/api/rest-api/"
_WALLET = f"{_CATALOG}wallet/api/rest-api/"
_SPOT = "github.com/binance/binance-spot-api-docs/blob/master/rest-api.md"

_FUTURES_WEIGHT = "of 2400 per minute and IP, shared by USD-M and COIN-M"
OPTIONS_WEIGHT = "of 2400 per minute and IP"
_SAPI_WEIGHT = "of 12000 per minute, IP and endpoint"
_SPOT_WEIGHT = "of 6000 per minute and IP"


def page(
    page: str,
    cost: str,
    limit: int | None = None,
    default: int | None = None,
    *,
    order: str = "",
    note: str = "",
) -> Documented:
    spot = page.startswith(_SPOT)
    return Documented(
        page=page,
        dated="2026-07-21" if spot else "2026-08-21",
        limit=limit,
        default_limit=default,
        order="chronological, unless noted otherwise" if spot else order,
        cost=cost,
        permission=_READING,
        note=note,
    )


NEWEST_WEEK = (
    "without times the last 7 days are returned, and {} cannot be combined with times: whether it "
    "reaches further back is left open. Read by id only if a row older than that is returned, "
    "otherwise in windows of 7 days"
)
FILLS = {
    SPOT: page(f"{_SPOT}#account-trade-list-user_data", f"20 {_SPOT_WEIGHT}", 1000, 500),
    MARGIN: page(
        f"{_MARGIN}trade#query-margin-accounts-trade-list",
        f"10 {_SAPI_WEIGHT}",
        1000,
        500,
        note="without fromId only 24 hours are returned: the first id requested is 1, since 0 "
        "might be taken for none",
    ),
    USDM: page(
        f"{_USDM}trade#account-trade-list",
        f"5 {_FUTURES_WEIGHT}",
        1000,
        500,
        note=NEWEST_WEEK.format("fromId"),
    ),
    COINM: page(
        f"{_COINM}trade#account-trade-list",
        f"20 {_FUTURES_WEIGHT}; 5 after the migration of COIN-M",
        1000,
        50,
        note=f"{NEWEST_WEEK.format('fromId')}; no retention is documented: six months, as on USD-M",
    ),
}
FILLS[ISOLATED] = FILLS[MARGIN]
ORDERS = {
    SPOT: page(f"{_SPOT}#all-orders-user_data", f"20 {_SPOT_WEIGHT}", 1000, 500),
    MARGIN: page(
        f"{_MARGIN}trade#query-margin-accounts-all-orders",
        f"200 {_SAPI_WEIGHT}",
        500,
        500,
        note="without orderId only 24 hours are returned: the first id requested is 1, since 0 "
        "might be taken for none",
    ),
    USDM: page(
        f"{_USDM}trade#all-orders",
        f"5 {_FUTURES_WEIGHT}",
        1000,
        500,
        note=NEWEST_WEEK.format("orderId"),
    ),
    COINM: page(
        f"{_COINM}trade#all-orders",
        f"20 {_FUTURES_WEIGHT}; 5 after the migration of COIN-M",
        100,
        50,
        note=NEWEST_WEEK.format("orderId"),
    ),
}
ORDERS[ISOLATED] = ORDERS[MARGIN]
OPEN_ORDERS = {
    SPOT: page(f"{_SPOT}#current-open-orders-user_data", f"80 {_SPOT_WEIGHT}"),
    MARGIN: page(
        f"{_MARGIN}trade#query-margin-accounts-open-orders",
        f"10 {_SAPI_WEIGHT}",
        note="without a symbol the weight is the number of symbols trading; isolated margin is "
        "listed per symbol only",
    ),
    USDM: page(f"{_USDM}trade#current-all-open-orders", f"40 {_FUTURES_WEIGHT}"),
    COINM: page(f"{_COINM}trade#current-all-open-orders", f"40 {_FUTURES_WEIGHT}"),
}
ORDER = {
    SPOT: page(f"{_SPOT}#query-order-user_data", f"4 {_SPOT_WEIGHT}"),
    MARGIN: page(f"{_MARGIN}trade#query-margin-accounts-order", f"10 {_SAPI_WEIGHT}"),
    USDM: page(f"{_USDM}trade#query-order", f"1 {_FUTURES_WEIGHT}"),
    COINM: page(f"{_COINM}trade#query-order", f"1 {_FUTURES_WEIGHT}"),
}
ORDER[ISOLATED] = ORDER[MARGIN]
_COINM_CONDITIONAL = (
    "the pages of COIN-M name only POST /dapi/v1/algoOrder, which replaces stop orders after its "
    "migration; the lists are like those of USD-M according to ccxt"
)
CONDITIONAL = {
    USDM: page(
        f"{_USDM}trade#query-all-algo-orders",
        f"5 {_FUTURES_WEIGHT}",
        note="the most rows of an answer are not documented; whether windows filter by the time of "
        "placing or of the last change is left open: rows outside a window are kept",
    ),
    COINM: page(f"{_COINM}trade#new-order", f"5 {_FUTURES_WEIGHT}", note=_COINM_CONDITIONAL),
}
OPEN_CONDITIONAL = {
    USDM: page(f"{_USDM}trade#current-all-algo-open-orders", f"40 {_FUTURES_WEIGHT}"),
    COINM: page(f"{_COINM}trade#new-order", f"40 {_FUTURES_WEIGHT}", note=_COINM_CONDITIONAL),
}
ONE_CONDITIONAL = {
    USDM: page(f"{_USDM}trade#query-algo-order", f"1 {_FUTURES_WEIGHT}"),
    COINM: page(f"{_COINM}trade#new-order", f"1 {_FUTURES_WEIGHT}", note=_COINM_CONDITIONAL),
}
POSITIONS = {
    USDM: page(f"{_USDM}trade#position-information-v2", f"5 {_FUTURES_WEIGHT}"),
    COINM: page(
        f"{_COINM}trade#position-information",
        f"1 {_FUTURES_WEIGHT}",
        note="the sample has no notionalValue: without it, the side is that of the amount, and the "
        "value is computed",
    ),
    OPTION: page(
        f"{OPTIONS}trade#option-position-information",
        f"5 {OPTIONS_WEIGHT}",
        note="a contract's size is what markValue says",
    ),
}
NAMES_MARKETS = (
    "its rows name the markets that were traded: contracts that were delisted or delivered before "
    "the first sync are known only from them, and so not at all beyond its retention"
)
INCOME = {
    USDM: page(
        f"{_USDM}account#get-income-history",
        f"30 {_FUTURES_WEIGHT}",
        1000,
        100,
        note=NAMES_MARKETS,
    ),
    COINM: page(
        f"{_COINM}account#get-income-history",
        f"20 {_FUTURES_WEIGHT}",
        1000,
        100,
        note="no retention is documented: beyond the three months of USD-M, silence proves "
        f"nothing; windows of up to a year; {NAMES_MARKETS}",
    ),
}
CAPITAL_FLOW = page(
    f"{_MARGIN}account#query-cross-isolated-margin-capital-flow",
    f"100 {_SAPI_WEIGHT}",
    1000,
    500,
    note="isolated margin is listed per symbol only: one request for each pair that the account "
    "opened",
)
ISOLATED_TRANSFERS = page(
    f"{_MARGIN}transfer#get-cross-margin-transfer-history",
    f"1 {_SAPI_WEIGHT}",
    100,
    10,
    order="descending",
    note="with isolatedSymbol, that of a pair: one request for each. The sample's times are in "
    "seconds, the page does not say; no retention is documented: beyond the six months after which "
    "an older page has it archived, silence proves nothing",
)
DEPOSITS = page(f"{_WALLET}capital#deposit-history", f"1 {_SAPI_WEIGHT}", 1000, 1000)
WITHDRAWALS = page(
    f"{_WALLET}capital#withdraw-history",
    "18000 of 180000 per minute and user: 10 requests",
    1000,
    1000,
)
TRANSFERS = page(
    f"{_WALLET}asset#query-user-universal-transfer-history",
    f"1 {_SAPI_WEIGHT}",
    100,
    10,
    note="one request per direction; the longest window is not documented. Transfers between the "
    "accounts of a master account have lists of their own. Those of options and Portfolio Margin "
    "are requested once a day",
)
WALLETS = {
    SPOT: page(f"{_SPOT}#account-information-user_data", f"20 {_SPOT_WEIGHT}"),
    FUNDING: page(f"{_WALLET}asset#funding-wallet", f"1 {_SAPI_WEIGHT}"),
    MARGIN: page(f"{_MARGIN}account#query-cross-margin-account-details", f"10 {_SAPI_WEIGHT}"),
    ISOLATED: page(
        f"{_MARGIN}account#query-isolated-margin-account-info",
        f"10 {_SAPI_WEIGHT}",
        note="all pairs that were ever opened, in one answer",
    ),
    USDM: page(f"{_USDM}account#account-information-v2", f"5 {_FUTURES_WEIGHT}"),
    COINM: page(f"{_COINM}account#account-information", f"5 {_FUTURES_WEIGHT}"),
    OPTION: page(
        f"{OPTIONS}account#option-margin-account-information",
        f"3 {OPTIONS_WEIGHT}",
        note="marginBalance is the balance, equity has what is held as well",
    ),
}
_EARN = (
    "developers.binance.com/en/docs/catalog/investment-and-services-simple-earn/api/rest-api/"
    "flexible-locked#get-"
)
_EARN_WEIGHT = f"150 {_SAPI_WEIGHT}"
_UNKNOWN_RETENTION = (
    "no retention is documented: beyond the six months of transfers, silence proves nothing"
)
EARN_POSITIONS = {
    "flexible": page(
        f"{_EARN}flexible-product-position",
        _EARN_WEIGHT,
        100,
        10,
        note="whether totalAmount includes collateralAmount is not said: in the sample it is less, "
        "so that both count. Dual Investment is not read: its positions (2026-08-21) do not say "
        "what was paid out",
    ),
    "locked": page(
        f"{_EARN}locked-product-position",
        _EARN_WEIGHT,
        100,
        10,
        note="only amount, the locked amount, counts; whether it includes redeemingAmt "
        "is left open",
    ),
}
_EARN_WINDOW = (
    "windows of up to 30 days, of three months on the undated developers.binance.com/docs/"
    f"simple_earn; {_UNKNOWN_RETENTION}"
)
EARN_SUBSCRIPTIONS = {
    product: page(f"{_EARN}{product}-subscription-record", _EARN_WEIGHT, 100, 10, note=_EARN_WINDOW)
    for product in ("flexible", "locked")
}
EARN_REDEMPTIONS = {
    product: page(
        f"{_EARN}{product}-redemption-record",
        _EARN_WEIGHT,
        100,
        10,
        note="when a redemption that is not paid leaves the position is left open"
        + ("; so is what lossAmount is taken from" if product == "locked" else "")
        + f"; {_EARN_WINDOW}",
    )
    for product in ("flexible", "locked")
}
EARN_REWARDS = page(
    f"{_EARN}flexible-rewards-history",
    _EARN_WEIGHT,
    100,
    10,
    note="rows have no id. The API's pages do not say which wallet a reward is paid to: by the "
    "website's page on Simple Earn, those of the real-time APR accumulate in the Earn wallet, all "
    f"others are paid to spot, where the list of dividends has them; {_EARN_WINDOW}",
)
DIVIDENDS = page(
    f"{_WALLET}asset#asset-dividend-record",
    f"10 {_SAPI_WEIGHT}",
    500,
    20,
    note="the page does not list the kinds of dividends. Airdrops, launchpools and rewards of Earn "
    "paid to spot are read from here and from no other list, so that none counts twice; "
    f"{_UNKNOWN_RETENTION}",
)
WALLET_TOTALS = page(
    f"{_WALLET}asset#query-user-wallet-balance",
    f"60 {_SAPI_WEIGHT}",
    note="an older page demands the permission Permits Universal Transfer; no page says at which "
    "prices the totals are, nor whether those of futures and options have the profit of positions. "
    "With Portfolio Margin, names end with (PM), which no page says either: they are added up",
)
_SUB_ACCOUNT = (
    "developers.binance.com/en/docs/catalog/vip-and-institutional-sub-account/api/rest-api/"
)
MASTER_TRANSFERS = page(
    f"{_SUB_ACCOUNT}asset-management#query-universal-transfer-history",
    f"1 {_SAPI_WEIGHT}",
    500,
    500,
    note="of the master account only, and of one sender: without one, of the master account; its "
    "email is unknown, so that what it received is what its sub-accounts sent and none of them "
    f"received; windows of less than 7 days; {_UNKNOWN_RETENTION}",
)
SUB_ACCOUNT_TRANSFERS = page(
    f"{_SUB_ACCOUNT}asset-management#sub-account-transfer-history",
    f"1 {_SAPI_WEIGHT}",
    500,
    500,
    note="of a sub-account only: one request for what was sent, one for what was received. 500 is "
    "the default, the most rows are not documented, nor is the longest window: those of the 30 "
    "days that an answer has without times; nor that both accounts have a transfer under one "
    f"tranId; {_UNKNOWN_RETENTION}",
)
SUB_ACCOUNTS = page(
    f"{_SUB_ACCOUNT}account-management#query-sub-account-list",
    f"1 {_SAPI_WEIGHT}",
    200,
    1,
    note="of the master account only; the limits are those of an undated copy of the page",
)
_FIAT = (
    "developers.binance.com/en/docs/catalog/investment-and-services-fiat/api/rest-api/~#get-fiat-"
)
_FIAT_WALLET = (
    "the limits, and what the amounts mean, are those of developers.binance.com/docs/fiat, "
    "undated. The page names no wallet: spot is assumed, where fiat balances are listed"
)
FIAT_ORDERS_WINDOW = timedelta(days=89)
FIAT_ORDERS = page(
    f"{_FIAT}deposit-withdraw-history",
    "45000 of 180000 per minute and user: 4 requests",
    500,
    100,
    note="the longest window is not documented: windows of 89 days, like those of withdrawals, as "
    "few requests are allowed. Neither is whether a window filters by the time of the order or of "
    "its last change: rows outside of it are kept. The amount is what arrives, after the fee; "
    f"Expired is a status of the sample only; {_FIAT_WALLET}; {_UNKNOWN_RETENTION}",
)
FIAT_PAYMENTS = page(
    f"{_FIAT}payments-history",
    f"1 {_SAPI_WEIGHT}",
    500,
    100,
    note="the longest window is not documented: the 30 days of a request without times. The sample "
    "of a purchase has its fee in sourceAmount; how a sale states its amounts, and that its money "
    "is added to the balance, is not documented; whether the money of a purchase by card is also "
    "listed as a deposit of fiat money is left open. Balances are taken to change at createTime; "
    f"{_FIAT_WALLET}; {_UNKNOWN_RETENTION}",
)
P2P = page(
    "developers.binance.com/en/docs/catalog/investment-and-services-c2-c/api/rest-api/~"
    "#get-c2-ctrade-history",
    f"1 {_SAPI_WEIGHT}",
    100,
    100,
    note="the limits are those of developers.binance.com/docs/c2c, undated. The page names no "
    "wallet: funding is assumed. Nor does it say whether the fee is part of the amount, on top of "
    "it, or when crypto that is for sale leaves the wallet: here a fee is taken off what is bought "
    "and added to what is sold, which leaves at createTime. Whether a window filters by the time "
    "of the order or of its last change is left open: rows outside of it are kept",
)
PAY = page(
    "developers.binance.com/en/docs/catalog/investment-and-services-pay/api/rest-api/~"
    "#get-pay-trade-history",
    "3000 of 180000 per minute and user: 60 requests",
    100,
    100,
    note="the limits are those of developers.binance.com/docs/pay, undated. The amount of an order "
    "is taken for what was received, and fundsDetail for what was paid, which may be in other "
    "assets; that rows have no status is read as that only what was done is listed",
)
_STAKING = "developers.binance.com/en/docs/catalog/investment-and-services-staking/api/rest-api/"
_STAKING_NOTE = (
    "the limits are those of developers.binance.com/docs/staking, undated, which says that an "
    "account may send one request to redeem in three seconds: rows have no id but their time, "
    "asset and amount. The pages name no wallet: spot is assumed, where the tokens are traded. "
    f"Windows of up to three months; {_UNKNOWN_RETENTION}"
)
STAKING = {
    name: page(f"{_STAKING}{path}", f"150 {_SAPI_WEIGHT}", 100, 10, note=_STAKING_NOTE)
    for name, path in {
        "eth stake": "eth-staking#get-eth-staking-history",
        "eth redemption": "eth-staking#get-eth-redemption-history",
        "beth wrap": "eth-staking#get-wbeth-wrap-history",
        "wbeth unwrap": "eth-staking#get-wbeth-unwrap-history",
        "sol stake": "sol-staking#get-sol-staking-history",
        "sol redemption": "sol-staking#get-sol-redemption-history",
    }.items()
}
