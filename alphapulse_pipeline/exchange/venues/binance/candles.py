"""Binance's daily candles of spot markets."""

from datetime import timedelta

from alphapulse_pipeline.exchange.documented import Documented
from alphapulse_pipeline.exchange.venues.binance.common import WINDOW, all_of
from alphapulse_pipeline.exchange.venues.candles import candles as _candles
from alphapulse_pipeline.exchange.venues.venue import Source
from alphapulse_pipeline.exchange.walker import Windows

_KLINES = Documented(
    page="github.com/binance/binance-spot-api-docs/blob/master/rest-api.md",
    dated="2026-07-21",
    limit=1000,
    default_limit=500,
    order="oldest first in the page's general information",
    cost="2 of 6000 per minute and IP",
    note="the candle of the current interval is listed too; the page does not say how long candles "
    "are kept",
)


def candles() -> dict[str, Source]:
    return {
        "spot": _candles(
            "publicGetKlines",
            Windows(),
            {"interval": "1d", "limit": _KLINES.limit},
            all_of,
            WINDOW,
            _KLINES,
            market="symbol",
            # fewer days than the default limit, so that one answer has them all
            window=timedelta(days=480),
            kept=timedelta(),
        )
    }
