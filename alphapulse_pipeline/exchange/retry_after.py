"""How long to wait before a request is sent again: as told, where the exchange told us."""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

UNTOLD = 1.0
"""Seconds. Limits are mostly per second: the next second is a new one."""

_MARGIN = 0.05


def retry_after(headers: Mapping[str, str], now_ms: int) -> float | None:
    """Seconds to wait by a refusal's headers; None where they do not tell.

    `Retry-After` is seconds or a date (RFC 9110). Bybit's `X-Bapi-Limit-Reset-Timestamp` is a time
    of its own clock, which `Timenow` tells too; `now_ms` is the time where it does not.
    """
    told = {name.lower(): value.strip() for name, value in headers.items()}
    if after := told.get("retry-after"):
        return _retry_after(after, told.get("date"), now_ms)
    reset = told.get("x-bapi-limit-reset-timestamp", "")
    if not reset.isdigit():
        return None
    there = told.get("timenow", "")
    wait = (int(reset) - (int(there) if there.isdigit() else now_ms)) / 1000
    return wait + _MARGIN if wait > 0 else None


def _retry_after(after: str, date: str | None, now_ms: int) -> float | None:
    if after.isdigit():
        return float(after)
    now = datetime.fromtimestamp(now_ms / 1000, UTC)
    try:
        then = parsedate_to_datetime(after)
        there = parsedate_to_datetime(date) if date else now
        return max((then - there).total_seconds(), 0.0)
    except (TypeError, ValueError):  # no date, or one without a zone
        return None
