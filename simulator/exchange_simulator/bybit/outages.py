"""Bybit's answers when it is overloaded or down (documentation: "Rate Limit Rules", "Error Codes").

An address that exceeds the IP limit gets HTTP 403 with an HTML page from the proxy in front of
Bybit, and is unblocked after ten minutes.
"""

from starlette.responses import HTMLResponse, Response

from exchange_simulator.bybit.answers import MESSAGES, answer, refusal
from exchange_simulator.bybit.limits import Allowance
from exchange_simulator.outages import Outages

_PAGE = "<html><head><title>{0}</title></head><body><h1>{0}</h1></body></html>"


def _throttled(now: int, wait: int) -> Response:
    spent = Allowance(granted=False, limit=50, left=0, reset_at=now + max(wait, 1) * 1000)
    return answer(10006, MESSAGES[10006], {}, now, spent.headers)


def _banned(now: int, wait: int) -> Response:
    return HTMLResponse(_PAGE.format("403, access too frequent"), 403)


def _busy(now: int, wait: int) -> Response:
    return refusal(10000, now)


def _maintenance(now: int, wait: int) -> Response:
    return HTMLResponse(_PAGE.format("503 Service Temporarily Unavailable"), 503)


OUTAGES = Outages(_throttled, _banned, _busy, _maintenance)
