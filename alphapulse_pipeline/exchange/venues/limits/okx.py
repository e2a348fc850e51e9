"""OKX's rate limits: the "Rate Limit" of each page (www.okx.com/docs-v5).

Private endpoints count per user, public ones per IP; some per instrument as well, which is not
considered here.
"""

from collections.abc import Mapping
from typing import Any

from alphapulse_pipeline.exchange.rate_limit import Charges, Limit

# path -> requests, seconds
_PRIVATE = {
    "account/config": (5, 2),
    "users/subaccount/list": (2, 2),
    "account/balance": (10, 2),
    "account/positions": (10, 2),
    "account/bills": (5, 1),
    "account/bills-archive": (5, 2),
    "asset/asset-valuation": (1, 1),
    "asset/balances": (6, 1),
    "asset/bills": (6, 1),
    "asset/bills-history": (1, 1),
    "asset/convert/history": (6, 1),
    "asset/deposit-history": (6, 1),
    "asset/withdrawal-history": (6, 1),
    "finance/flexible-loan/loan-history": (5, 2),
    "finance/flexible-loan/loan-info": (5, 2),
    "finance/savings/balance": (6, 1),
    "finance/savings/lending-history": (6, 1),
    "finance/staking-defi/eth/purchase-redeem-history": (6, 1),
    "finance/staking-defi/orders-active": (3, 1),
    "finance/staking-defi/sol/purchase-redeem-history": (6, 1),
    "trade/fills-history": (10, 2),
    "trade/one-click-repay-history": (1, 2),
    "trade/order": (60, 2),
    "trade/orders-history": (40, 2),
    "trade/orders-history-archive": (20, 2),
    "trade/orders-pending": (60, 2),
}
_PUBLIC = {
    "public/time": (10, 2),
    "public/instruments": (20, 2),
    "market/history-candles": (20, 2),
    "market/tickers": (20, 2),
}
_LIMITS = {path: Limit(path, *allowed) for path, allowed in _PRIVATE.items()} | {
    path: Limit(path, *allowed, per_address=True) for path, allowed in _PUBLIC.items()
}


def charged(api: str, path: str, params: Mapping[str, Any]) -> Charges | None:
    limit = _LIMITS.get(path)
    return None if limit is None else ((limit, 1),)
