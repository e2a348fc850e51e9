"""Daily candles: what the exchanges' endpoints have in common.

A candle is a list without names, in an answer that does not say which market it is of. It becomes a
structure like ccxt's other ones, with the list in `info`.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from alphapulse_pipeline.exchange.documented import Documented
from alphapulse_pipeline.exchange.feed import Feed, Paging, milliseconds
from alphapulse_pipeline.exchange.venues.venue import Source

_OPENED, _CLOSE = 0, 4
_TIME, _PRICE = "timestamp", "close"
"""All exchanges list time, open, high, low, close."""


def candles(
    method: str,
    paging: Paging,
    params: Mapping[str, Any],
    rows: Callable[[Any], Any],
    between: Callable[[int, int], Mapping[str, Any]],
    documented: Documented,
    *,
    market: str,
    category: str = "spot",
    window: timedelta | None = None,
    horizon: timedelta | None = None,
    kept: timedelta | None = None,
    unit: int = 1,
) -> Source:
    """`market`: the parameter for it. `unit`: the milliseconds of the unit of time."""

    def structures(answer: Any) -> Any:
        found = rows(answer)
        if not isinstance(found, list):
            return found
        return [structure(row) for row in found]

    def structure(row: Any) -> Any:
        if not isinstance(row, list) or len(row) <= _CLOSE:
            return row
        opened = str(row[_OPENED])
        time = str(int(opened) * unit) if opened.isdecimal() and len(opened) < 15 else None
        return {_TIME: time, _PRICE: row[_CLOSE], "info": row}

    return Source(
        Feed(
            method,
            paging,
            params,
            structures,
            milliseconds(_TIME),
            between,
            required=(_TIME, _PRICE),
            window=window,
            horizon=horizon,
            documented=documented,
        ),
        wallet="",
        parse="",
        category=category,
        per_market=market,
        for_prices=True,
        kept=kept,
    )
