"""OKX's answers when it is overloaded or down (documentation: "Error Code").

Addresses are banned by Cloudflare, the proxy in front of OKX, with Cloudflare's own answer
(developers.cloudflare.com: "Error 1015").
"""

from starlette.responses import PlainTextResponse, Response

from exchange_simulator.okx.answers import refusal
from exchange_simulator.outages import Outages


def _throttled(now: int, wait: int) -> Response:
    return refusal(50011, now)


def _banned(now: int, wait: int) -> Response:
    return PlainTextResponse("error code: 1015", 429, {"Retry-After": str(wait)})


def _busy(now: int, wait: int) -> Response:
    return refusal(50013, now)


def _maintenance(now: int, wait: int) -> Response:
    return refusal(50001, now)


OUTAGES = Outages(_throttled, _banned, _busy, _maintenance)
