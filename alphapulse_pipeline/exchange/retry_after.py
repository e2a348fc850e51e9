"""How long the exchange asks us to wait before a retry."""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

DEFAULT_WAIT = 1.0
"""Seconds to wait if the exchange does not say: most limits are per second."""

_MARGIN = 0.05


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
