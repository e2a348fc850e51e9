"""Bybit's rate limits (bybit-exchange.github.io/docs/v5/rate-limit, 2026-07-24).

600 requests in 5 seconds per IP, all hosts together; private endpoints also have limits of their
own, per user. A public endpoint has no other limit.
"""

from collections.abc import Mapping
from typing import Any

from alphapulse_pipeline.exchange.rate_limit import Charges, Limit

ADDRESS = Limit("all", 600, 5, per_address=True, server="private")

# path -> requests, seconds
_ENDPOINTS = {
    "v5/order/realtime": (50, 1),
    "v5/order/history": (50, 1),
    "v5/execution/list": (50, 1),
    "v5/position/list": (50, 1),
    "v5/account/info": (50, 1),
    "v5/account/wallet-balance": (50, 1),
    "v5/account/transaction-log": (25, 1),
    "v5/asset/asset-overview": (50, 1),
    "v5/asset/fundinghistory": (30, 1),
    "v5/asset/deposit/query-record": (100, 60),
    "v5/asset/deposit/query-internal-record": (300, 1),
    "v5/asset/withdraw/query-record": (300, 60),
    "v5/asset/transfer/query-account-coins-balance": (5, 1),
    "v5/asset/transfer/query-inter-transfer-list": (60, 60),
    "v5/asset/transfer/query-universal-transfer-list": (5, 1),
    "v5/asset/exchange/order-record": (600, 60),
    "v5/asset/exchange/query-convert-history": (50, 1),
    "v5/asset/covert/small-balance-history": (5, 1),
    "v5/user/query-api": (10, 1),
    # not in the table: ccxt's
    "v5/earn/position": (10, 1),
    "v5/earn/order": (10, 1),
    "v5/earn/product": (10, 1),
    "v5/pre-upgrade/execution/list": (10, 1),
    "v5/pre-upgrade/order/history": (10, 1),
}
_LIMITS = {
    path: Limit(path, requests, seconds, left="x-bapi-limit-status", server="private")
    for path, (requests, seconds) in _ENDPOINTS.items()
}


def charged(api: str, path: str, params: Mapping[str, Any]) -> Charges | None:
    if api == "public":
        return ((ADDRESS, 1),)
    limit = _LIMITS.get(path)
    return None if limit is None else ((limit, 1), (ADDRESS, 1))
