"""Bybit's daily candles."""

from datetime import timedelta

from alphapulse_pipeline.exchange.feed import between
from alphapulse_pipeline.exchange.venues.bybit.common import LIST, page
from alphapulse_pipeline.exchange.venues.candles import candles as _candles
from alphapulse_pipeline.exchange.venues.venue import Source
from alphapulse_pipeline.exchange.walker import Windows

_KLINE = page(
    "market/kline",
    "2026-03-16",
    1000,
    200,
    cost="1 of 600 per 5 seconds and IP, all endpoints together",
    order="Sort in reverse by startTime",
    note="the candle of the current interval is listed too; the page does not say how long candles "
    "are kept",
)


def candles() -> dict[str, Source]:
    return {
        "spot": _candles(
            "publicGetV5MarketKline",
            Windows(),
            {"category": "spot", "interval": "D", "limit": _KLINE.limit},
            LIST,
            between("start", "end"),
            _KLINE,
            market="symbol",
            # fewer days than the default limit, so that one answer has them all
            window=timedelta(days=190),
            kept=timedelta(),
        )
    }
