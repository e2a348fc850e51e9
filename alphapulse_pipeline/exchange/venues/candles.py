"""Daily candles: what the exchanges' endpoints have in common.

A candle is a list without names, in an answer that does not say which market it is of. It becomes a
structure like ccxt's other ones, with the list in `info`.
"""

import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from alphapulse_pipeline.exchange.documented import Documented
from alphapulse_pipeline.exchange.errors import ExchangeFailure, Kind
from alphapulse_pipeline.exchange.feed import (
    MARGIN,
    MILLISECOND,
    Feed,
    Paging,
    milliseconds,
    to_time,
)
from alphapulse_pipeline.exchange.venues.venue import Source
from alphapulse_pipeline.exchange.walker import Windows

DAYS_OF_CCXT, LIMIT_OF_CCXT = 92, 100
"""The days of the longest window requested through ccxt, and ccxt's `limit`: more than its days,
since some of ccxt's methods derive an end of the window from it; and not more than exchanges return
by default, since it may get lost on the way."""
_DAY = 86_400_000
_MARGIN = _DAY + MARGIN
_CLOCK = 3_600_000
"""By how many milliseconds this machine's clock may be behind the exchange's."""
_OPENED, _CLOSE = 0, 4
_TIME, _PRICE = "timestamp", "close"
"""All exchanges list time, open, high, low, close."""


def candles(
    method: str,
    paging: Paging,
    params: Mapping[str, Any],
    rows: Callable[[Any], Any],
    between: Callable[[int, int], Mapping[str, Any]],
    documented: Documented | None,
    *,
    market: str,
    category: str = "spot",
    window: timedelta | None = None,
    horizon: timedelta | None = None,
    kept: timedelta | None = None,
    unit: int = 1,
    by_name: bool = False,
) -> Source:
    """`market`: the parameter for it. `unit`: the milliseconds of the unit of time. `by_name`: see
    `Source`."""

    def structures(answer: Any) -> Any:
        found = rows(answer)
        if not isinstance(found, list):
            return found
        return [structure(row) for row in found]

    def structure(row: Any) -> Any:
        if not isinstance(row, list) or len(row) <= _CLOSE:
            return row
        opened = str(row[_OPENED])
        moment = str(int(opened) * unit) if opened.isdecimal() and len(opened) < 15 else None
        return {_TIME: moment, _PRICE: row[_CLOSE], "info": row}

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
        by_name=by_name,
        for_prices=True,
        kept=kept,
    )


def candles_of_ccxt(between: Callable[[int, int], Mapping[str, Any]]) -> Source:
    """The candles of an exchange read through ccxt; `info` is ccxt's list, all that it returns.

    Windows are requested with a day more at both ends: a candle before the window and one after it
    prove that the answer lacks none at the ends. They are not counted as the window's own.
    """
    return candles(
        "fetch_ohlcv",
        Windows(_MARGIN, one_per_time=True),
        {"timeframe": "1d"},
        _of_utc_days,
        between,
        None,
        market="symbol",
        window=(DAYS_OF_CCXT * _DAY + 2 * MARGIN) * MILLISECOND,
        kept=timedelta(),
        by_name=True,
    )


def _of_utc_days(answer: Any) -> Any:
    """Raises `ExchangeFailure` if the exchange's days begin at another time than 00:00 UTC, or if a
    candle has the date of its end: its price would be of the day before."""
    rows = answer if isinstance(answer, list) else ()
    times = [row[_OPENED] for row in rows if isinstance(row, list) and row]
    opened = [moment for moment in times if isinstance(moment, int)]
    if opened and all(moment % _DAY for moment in opened):
        raise _not_offered(f"do not begin at 00:00 UTC, but at {to_time(max(opened)):%H:%M}")
    if opened and max(opened) > time.time() * 1000 + _CLOCK:
        raise _not_offered("are dated by their end")
    return answer


def _not_offered(problem: str) -> ExchangeFailure:
    problem = f"the exchange's daily candles {problem}"
    return ExchangeFailure(Kind.NOT_OFFERED, problem, "they are skipped; nothing to do")
