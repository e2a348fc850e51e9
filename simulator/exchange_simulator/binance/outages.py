"""Binance's answers when it is overloaded or down (documentation: "LIMITS", "Error Codes")."""

from starlette.responses import Response

from exchange_simulator.binance.answers import Refused, refusal, refused
from exchange_simulator.binance.limits import SPOT
from exchange_simulator.outages import Outages


def _throttled(now: int, wait: int) -> Response:
    message = (
        f"Too much request weight used; current limit is {SPOT.limit} request weight per 1 MINUTE. "
        "Please use WebSocket Streams for live updates to avoid polling the API."
    )
    return refused(Refused(-1003, message), {})


def _banned(now: int, wait: int) -> Response:
    message = (
        f"Way too much request weight used; IP banned until {now + wait * 1000}. Please use "
        "WebSocket Streams for live updates to avoid bans."
    )
    return refused(Refused(-1003, message, status=418), {"Retry-After": str(wait)})


def _busy(now: int, wait: int) -> Response:
    return refusal(-1008, now)


def _maintenance(now: int, wait: int) -> Response:
    return refusal(-1016, now)


OUTAGES = Outages(_throttled, _banned, _busy, _maintenance)
