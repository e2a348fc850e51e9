"""Binance's request weights.

API documentation: "LIMITS" (rest-api.md of binance-spot-api-docs, 2026-07-21), "Rate limits"
(developers.binance.com/docs/products/caas/basics/4.rate-limits, undated), and the weight on each
endpoint's page (binance-connector-python, 2026-08-21).

* `/api/*`: 6000 per minute and IP, all endpoints together.
* `/fapi/*` and `/dapi/*`: 2400 per minute and IP. Whether they share one counter is not documented,
  and Binance is moving COIN-M to the engine of USD-M: here they share one.
* `/papi/*`: 6000 per minute and IP ("General Info", developers.binance.com/docs/derivatives/
  portfolio-margin/general-info, undated; the number as ccxt repeats it), all endpoints
  together.
* `/eapi/*`: 2400 per minute and IP ("Exchange Information" of options, 2026-08-21).
* `/sapi/*`: each endpoint has its own counter, either 12,000 per minute and IP, or 180,000 per
  minute and user.

COIN-M's weights are to fall "after CM migration", which has no date: the higher ones count here.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from alphapulse_pipeline.exchange.rate_limit import Charges, Limit

SPOT = Limit("spot", 6000, 60, per_address=True, used="x-mbx-used-weight-1m", server="private")
FUTURES = Limit(
    "futures", 2400, 60, per_address=True, used="x-mbx-used-weight-1m", server="fapiPrivate"
)
PORTFOLIO_MARGIN = Limit(
    "portfolio margin", 6000, 60, per_address=True, used="x-mbx-used-weight-1m", server="papi"
)
OPTIONS = Limit(
    "options", 2400, 60, per_address=True, used="x-mbx-used-weight-1m", server="eapiPrivate"
)


class _Weight(NamedTuple):
    with_symbol: float
    without: float


_SPOT: Mapping[str, float | _Weight] = {
    "time": 1,
    "exchangeInfo": 20,
    "ticker/24hr": _Weight(2, 80),
    "klines": 2,
    "account": 20,
    "order": 4,
    "openOrders": _Weight(6, 80),
    "allOrders": 20,
    "myTrades": 20,
}
_USDM: Mapping[str, float | _Weight] = {
    "time": 1,
    "exchangeInfo": 1,
    "ticker/24hr": _Weight(1, 40),
    "account": 5,
    "balance": 5,
    "positionRisk": 5,
    "order": 1,
    "openOrders": _Weight(1, 40),
    "openAlgoOrders": _Weight(1, 40),
    "allOrders": 5,
    "allAlgoOrders": 5,
    "userTrades": 5,
    "income": 30,
}
_COINM: Mapping[str, float | _Weight] = {
    "time": 1,
    "exchangeInfo": 1,
    "ticker/24hr": _Weight(1, 40),
    "account": 5,
    "balance": 1,
    "positionRisk": 1,
    "order": 1,
    "openOrders": _Weight(1, 40),
    "allOrders": _Weight(20, 40),
    # no page of COIN-M yet: USD-M's
    "openAlgoOrders": _Weight(1, 40),
    "allAlgoOrders": 5,
    "userTrades": _Weight(20, 40),
    "income": 20,
}
_PORTFOLIO_MARGIN: Mapping[str, float | _Weight] = {
    "balance": 20,
    "um/positionRisk": 5,
    "um/userTrades": 5,
    "um/income": 30,
    "cm/positionRisk": 1,
    "cm/userTrades": _Weight(20, 40),
    "cm/income": 30,
    "margin/marginInterestHistory": 1,
    "margin/marginLoan": 10,
    "margin/myTrades": 5,
    "margin/repayLoan": 10,
    "um/allOrders": 5,
    "um/openOrders": _Weight(1, 40),
    "um/order": 1,
    "cm/allOrders": _Weight(20, 40),
    "cm/openOrders": _Weight(1, 40),
    "cm/order": 1,
    "margin/allOrders": 100,
    "margin/openOrders": 5,
    "margin/order": 10,
}
_OPTIONS: Mapping[str, float | _Weight] = {
    "marginAccount": 3,
    "bill": 1,
    "position": 5,
    "userTrades": 5,
    "exerciseRecord": 5,
    "exchangeInfo": 1,
}
_PER_ADDRESS = {
    "account/info": 1,
    "account/apiRestrictions": 1,
    "asset/assetDividend": 10,
    "asset/dribblet": 1,
    "asset/get-funding-asset": 1,
    "asset/getUserAsset": 5,
    "asset/transfer": 1,
    "asset/wallet/balance": 60,
    "capital/config/getall": 10,
    "capital/deposit/hisrec": 1,
    "c2c/orderMatch/listUserOrderHistory": 1,
    "eth-staking/eth/history/redemptionHistory": 150,
    "eth-staking/eth/history/stakingHistory": 150,
    "eth-staking/wbeth/history/unwrapHistory": 150,
    "eth-staking/wbeth/history/wrapHistory": 150,
    "fiat/payments": 1,
    "loan/flexible/borrow/history": 400,
    "loan/flexible/ongoing/orders": 300,
    "loan/flexible/repay/history": 400,
    "margin/account": 10,
    "margin/allOrders": 200,
    "margin/allPairs": 1,
    "margin/capital-flow": 100,
    "margin/isolated/account": 10,
    "margin/isolated/allPairs": 10,
    "margin/myTrades": 10,
    "margin/openOrders": 10,
    "margin/order": 10,
    "margin/transfer": 1,
    "simple-earn/flexible/history/redemptionRecord": 150,
    "simple-earn/flexible/history/rewardsRecord": 150,
    "simple-earn/flexible/history/subscriptionRecord": 150,
    "simple-earn/flexible/position": 150,
    "simple-earn/locked/history/redemptionRecord": 150,
    "simple-earn/locked/history/subscriptionRecord": 150,
    "simple-earn/locked/position": 150,
    "sol-staking/sol/history/redemptionHistory": 150,
    "sol-staking/sol/history/stakingHistory": 150,
    "sub-account/transfer/subUserHistory": 1,
    "sub-account/universalTransfer": 1,
}
_PER_USER = {
    "capital/withdraw/history": 18_000,
    "convert/tradeFlow": 3000,
    "fiat/orders": 45_000,
    "pay/transactions": 3000,
    "rebate/taxQuery": 12_000,
}

_SAPI = {
    path: (
        Limit(
            f"sapi {path}",
            12_000,
            60,
            per_address=True,
            used="x-sapi-used-ip-weight-1m",
            server="sapi",
        ),
        float(weight),
    )
    for path, weight in _PER_ADDRESS.items()
} | {
    path: (
        Limit(f"sapi {path}", 180_000, 60, used="x-sapi-used-uid-weight-1m", server="sapi"),
        float(weight),
    )
    for path, weight in _PER_USER.items()
}


def charged(api: str, path: str, params: Mapping[str, Any]) -> Charges | None:
    if api.startswith("sapi"):
        return (_SAPI[path],) if path in _SAPI else None
    pool, weights = (
        (FUTURES, _USDM)
        if api.startswith("fapi")
        else (FUTURES, _COINM)
        if api.startswith("dapi")
        else (PORTFOLIO_MARGIN, _PORTFOLIO_MARGIN)
        if api.startswith("papi")
        else (OPTIONS, _OPTIONS)
        if api.startswith("eapi")
        else (SPOT, _SPOT)
    )
    weight = weights.get(path)
    if isinstance(weight, _Weight):
        weight = weight.with_symbol if params.get("symbol") else weight.without
    return None if weight is None else ((pool, weight),)
