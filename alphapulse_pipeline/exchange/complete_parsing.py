"""ccxt's parsing without the places where it loses rows, digits or time."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from alphapulse_pipeline.exchange.bounded_precise import check_digits
from alphapulse_pipeline.exchange.errors import MISREAD
from alphapulse_pipeline.exchange.json_answer import read_json

_EPOCH = datetime.fromtimestamp(0, UTC)
_LATEST = 253_402_300_800_000
"""Milliseconds: the year 10000, in which `datetime` ends."""


class CompleteParsing:
    """Mixed into every ccxt class."""

    unreadable_tickers: list[tuple[Any, str]]
    """(the exchange's ticker, why it cannot be parsed), since the list was last cleared."""

    def on_json_response(self, body: str) -> Any:
        return read_json(body)

    def iso8601(self, timestamp: Any = None) -> Any:
        """ccxt writes this text into all that it parses, and its own way is slow."""
        if type(timestamp) is int and 0 <= timestamp < _LATEST:
            hours, rest = divmod(timestamp, 3_600_000)
            minutes, rest = divmod(rest, 60_000)
            return f"{_hour(hours)}{minutes:02}:{rest // 1000:02}.{rest % 1000:03}Z"
        return super().iso8601(timestamp)  # type: ignore[misc]

    def safe_market(self, market_id: Any = None, market: Any = None, *more: Any) -> Any:
        """The market that a row was resolved to, rather than a guess from its id: OKX's delisted
        futures have ids of three parts, of which ccxt makes nothing."""
        if market and market_id is not None and market.get("id") == market_id:
            return market
        return super().safe_market(market_id, market, *more)  # type: ignore[misc]

    def safe_trade(self, trade: Any, market: Any = None) -> Any:
        """Without the cost that ccxt calculates for contracts of an unknown size, as if it were
        1."""
        stated = trade.get("cost") is not None
        found = super().safe_trade(trade, market)  # type: ignore[misc]
        if not stated and market and market.get("contract") and market.get("contractSize") is None:
            found["cost"] = None
        return found

    # ccxt writes them out digit by digit: without a bound, they fill the memory
    def parse_precision(self, precision: Any) -> Any:
        check_digits(precision)
        return super().parse_precision(precision)  # type: ignore[misc]

    def integer_precision_to_amount(self, precision: Any) -> Any:
        check_digits(precision)
        return super().integer_precision_to_amount(precision)  # type: ignore[misc]

    def parse_ticker(self, ticker: Any, market: Any = None) -> Any:
        """A ticker that cannot be parsed is left out of the others, and kept as unreadable."""
        try:
            return super().parse_ticker(ticker, market)  # type: ignore[misc]
        except MISREAD as error:
            self.unreadable_tickers.append((ticker, f"{type(error).__name__}: {error}"))
            return {"symbol": None, "info": ticker}

    # ccxt drops rows by symbol, currency, time, number and status, but the walkers' proofs need all
    # rows of an answer.
    def filter_by_value_since_limit(self, rows: Any, *_: Any, **__: Any) -> Any:
        return rows

    def filter_by_since_limit(self, rows: Any, *_: Any, **__: Any) -> Any:
        return rows

    def filter_by(self, rows: Any, key: Any, value: Any = None) -> Any:
        return rows if key == "status" else super().filter_by(rows, key, value)  # type: ignore[misc]

    def filter_by_array(self, rows: Any, key: Any, values: Any = None, indexed: bool = True) -> Any:
        if key == "status" and not indexed:
            return rows
        return super().filter_by_array(rows, key, values, indexed)  # type: ignore[misc]


@lru_cache(maxsize=1024)
def _hour(number: int) -> str:
    """The beginning of `2026-01-31T23:59:00.000Z`. The rows of a page are of few hours."""
    return (_EPOCH + timedelta(hours=number)).isoformat()[:14]
