"""Kraken's call counter (docs.kraken.com/api/docs/guides/spot-rest-ratelimits, undated; "What are
the API rate limits?", support.kraken.com/articles/206548367).

Each key has a counter: "Ledger/trade history calls increase the counter by 2. All other API calls
increase this counter by 1". It may reach 15 and falls by 0.33 per second in the lowest tier, 20 and
0.5 in the next, 20 and 1 in the highest. The API does not say which tier an account has, and each
rejected call makes the restriction last longer: these are the limits of the lowest. The counter
falls "every couple of seconds", so some of the 15 is kept in reserve.

Public calls are limited per IP: "a frequency of 1 per second (or less) would remain within".
"""

from collections.abc import Mapping
from typing import Any

from alphapulse_pipeline.exchange.rate_limit import Charges, Limit

COUNTER = Limit("counter", 0.33, 1, burst=11, server="private")
ADDRESS = Limit("public", 1, 1, per_address=True, burst=8, server="public")

_HISTORIES = {"Ledgers", "QueryLedgers", "TradesHistory", "ClosedOrders"}
"""The page names ledgers and trade history; whether closed orders count as history is open."""


def charged(api: str, path: str, params: Mapping[str, Any]) -> Charges | None:
    if api == "public":
        return ((ADDRESS, 1),)
    return ((COUNTER, 2 if path in _HISTORIES else 1),)
