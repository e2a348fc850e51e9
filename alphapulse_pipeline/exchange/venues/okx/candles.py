"""OKX's daily candles."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from alphapulse_pipeline.exchange.venues.candles import candles as _candles
from alphapulse_pipeline.exchange.venues.okx.common import DATA, documented
from alphapulse_pipeline.exchange.venues.venue import Source
from alphapulse_pipeline.exchange.walker import Windows

_HISTORY = documented(
    "order-book-trading-market-data-get-candlesticks-history",
    "undated, read on 2026-11-28",
    "1 of 20 per 2 seconds and IP",
    limit=300,
    default_limit=100,
    permission="",
    order="newest first in the page's example",
    note='keeps candles "from recent years"; days open at 00:00 UTC with the bar 1Dutc, and at '
    "16:00 UTC with 1D",
)


def candles() -> dict[str, Source]:
    return {
        "spot": _candles(
            "publicGetMarketHistoryCandles",
            Windows(),
            {"bar": "1Dutc", "limit": _HISTORY.limit},
            DATA,
            _between,
            _HISTORY,
            market="instId",
            # fewer days than the default limit, so that one answer has them all
            window=timedelta(days=95),
            kept=timedelta(),
        )
    }


def _between(first: int, last: int) -> Mapping[str, Any]:
    """Both ends are excluded."""
    return {"before": first - 1, "after": last + 1}
