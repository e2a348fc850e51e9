"""Kraken's daily candles."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from alphapulse_pipeline.exchange.venues.candles import candles as _candles
from alphapulse_pipeline.exchange.venues.kraken.common import documented, result
from alphapulse_pipeline.exchange.venues.venue import Source
from alphapulse_pipeline.exchange.walker import Whole

_ENTRIES = 720
_DAY_IN_MINUTES = 1440
_OHLC = documented(
    "market-data/get-ohlc-data",
    "",
    "1 of 1 per second and IP",
    limit=_ENTRIES,
    order="the last entry is of the current interval",
    note="older entries cannot be retrieved, whatever the parameter since",
)


def candles() -> dict[str, Source]:
    return {
        "spot": _candles(
            "publicGetOHLC",
            Whole(),
            {"interval": _DAY_IN_MINUTES},
            _listed,
            _any,
            _OHLC,
            market="pair",
            # one of the entries is of today
            horizon=timedelta(days=_ENTRIES - 1),
            kept=timedelta(),
            unit=1000,
        )
    }


def _listed(answer: Any) -> Any:
    """The list of the pair that was asked for, under whichever of its names."""
    found = result(answer)
    if not isinstance(found, Mapping):
        return found
    return next((rows for name, rows in found.items() if name != "last"), None)


def _any(first: int, last: int) -> Mapping[str, Any]:
    return {}
