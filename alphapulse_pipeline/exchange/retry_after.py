"""How long the exchange asks us to wait before a retry."""

import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

DEFAULT_WAIT = 1.0
"""Seconds to wait if the exchange does not say: most limits are per second."""

_MARGIN = 0.05
_SECOND = 1.0
"""The precision of HTTP's dates."""


def retry_after(headers: Mapping[str, str], now_ms: int) -> float | None:
    """Seconds to wait according to the headers of a refusal; None if they do not say.

    `Retry-After` is seconds or a date (RFC 9110). Bybit's `X-Bapi-Limit-Reset-Timestamp` is
    milliseconds of Bybit's clock, as is `Timenow`; without `Timenow`, `now_ms` is used.
    """
    lower = {name.lower(): value.strip() for name, value in headers.items()}
    if after := lower.get("retry-after"):
        return _retry_after(after, lower.get("date"), now_ms)
    reset = lower.get("x-bapi-limit-reset-timestamp", "")
    if not reset.isdigit():
        return None
    exchange_now = lower.get("timenow", "")
    wait = (int(reset) - (int(exchange_now) if exchange_now.isdigit() else now_ms)) / 1000
    return wait + _MARGIN if wait > 0 else None


def throttled_until(text: str, now_ms: int) -> float | None:
    """Seconds to wait according to the text of an error, if it says so.

    Kraken's "EService:Throttled: 1790000000": a Unix time ("Spot REST Rate Limits",
    docs.kraken.com/api/docs/guides/spot-rest-ratelimits).
    """
    until = re.search(r"Throttled:\s*\[?(\d{10})\b", text)
    return max(int(until.group(1)) - now_ms / 1000, 0.0) + _SECOND if until else None


def _retry_after(after: str, date: str | None, now_ms: int) -> float | None:
    if after.isdigit():
        return float(after)
    now = datetime.fromtimestamp(now_ms / 1000, UTC)
    try:
        then = parsedate_to_datetime(after)
        sent = parsedate_to_datetime(date) if date else now
        return max((then - sent).total_seconds(), 0.0)
    except (TypeError, ValueError):  # not a date, or a date without a timezone
        return None


def until_next_minute(date: str) -> float:
    """Seconds until the exchange's minute ends, by the `Date` header of its answer if it has one.

    Binance counts by the minutes of its own clock ("LIMITS", rest-api.md of 2026-07-21).
    """
    try:
        now = parsedate_to_datetime(date).timestamp()
    except (TypeError, ValueError):
        now = time.time()
    return 60 - now % 60 + _SECOND
