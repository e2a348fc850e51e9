"""How Bybit says that it cannot answer now (documentation: "Rate Limit Rules", "Error Codes").

Who asks too often from one address gets HTTP 403 from whatever stands in front of Bybit, which
speaks HTML, and is let in again after ten minutes.
"""

from starlette.responses import HTMLResponse, Response

from exchange_simulator.bybit.answers import SENTENCES, answer, refusal
from exchange_simulator.bybit.limits import Allowance
from exchange_simulator.troubles import Troubles

_PAGE = "<html><head><title>{0}</title></head><body><h1>{0}</h1></body></html>"


def _throttled(now: int, wait: int) -> Response:
    spent = Allowance(granted=False, limit=50, left=0, reset_at=now + max(wait, 1) * 1000)
    return answer(10006, SENTENCES[10006], {}, now, spent.headers)


def _banned(now: int, wait: int) -> Response:
    return HTMLResponse(_PAGE.format("403, access too frequent"), 403)


def _busy(now: int, wait: int) -> Response:
    return refusal(10000, now)


def _maintenance(now: int, wait: int) -> Response:
    return HTMLResponse(_PAGE.format("503 Service Temporarily Unavailable"), 503)


TROUBLES = Troubles(_throttled, _banned, _busy, _maintenance)
