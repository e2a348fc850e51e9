"""How OKX says that it cannot answer now (documentation: "Error Code").

Addresses are banned by Cloudflare, which stands in front of OKX and has words of its own
(developers.cloudflare.com: "Error 1015").
"""

from starlette.responses import PlainTextResponse, Response

from exchange_simulator.okx.answers import refusal
from exchange_simulator.troubles import Troubles


def _throttled(now: int, wait: int) -> Response:
    return refusal(50011, now)


def _banned(now: int, wait: int) -> Response:
    return PlainTextResponse("error code: 1015", 429, {"Retry-After": str(wait)})


def _busy(now: int, wait: int) -> Response:
    return refusal(50013, now)


def _maintenance(now: int, wait: int) -> Response:
    return refusal(50001, now)


TROUBLES = Troubles(_throttled, _banned, _busy, _maintenance)
