"""Binance's error envelope and its codes (documentation: "Error Codes" of spot, margin, wallet and
both futures). Successful answers have no envelope."""

import json
from typing import Any

from starlette.responses import Response

MESSAGES = {
    -1000: "An unknown error occurred while processing the request.",
    -1001: "Internal error; unable to process your request. Please try again.",
    -1003: "Too many requests queued.",
    -1008: "Server is currently overloaded with other requests. Please try again in a few minutes.",
    -1016: "This service is no longer available.",
    -1021: "Timestamp for this request is outside of the recvWindow.",
    -1022: "Signature for this request is not valid.",
    -1109: "Invalid account.",
    -1120: "Invalid interval.",
    -1121: "Invalid symbol.",
    -1127: "Lookup interval is too big.",
    -1128: "Combination of optional parameters invalid.",
    -1131: "recvWindow must be less than 60000",
    -2013: "Order does not exist.",
    -2014: "API-key format invalid.",
    -2015: "Invalid API-key, IP, or permissions for action.",
    -2026: "Order was canceled or expired with no executed qty over 90 days ago and has been "
    "archived.",
    -3003: "Margin account does not exist.",
    -4144: "Invalid pair",
    -4165: "Invalid time interval",
}
_STATUSES = {
    -1000: 500,
    -1001: 503,
    -1003: 429,
    -1008: 503,
    -1016: 503,
    -2014: 401,
    -2015: 401,
}


class Refused(Exception):
    """A request that Binance rejects with an error code."""

    def __init__(
        self,
        code: int,
        message: str = "",
        status: int = 0,
        headers: dict[str, str] | None = None,
    ) -> None:
        self.code = code
        self.message = message or MESSAGES.get(code, "Unknown error.")
        self.status = status or _STATUSES.get(code, 400)
        self.headers = headers or {}
        super().__init__(self.message)


def missing(name: str) -> Refused:
    return Refused(
        -1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed."
    )


def invalid(name: str) -> Refused:
    return Refused(-1130, f"Data sent for parameter '{name}' is not valid.")


def not_required(name: str) -> Refused:
    return Refused(-1106, f"Parameter '{name}' sent when not required.")


def answer(result: Any, headers: dict[str, str], status: int = 200) -> Response:
    return Response(
        json.dumps(result, separators=(",", ":")).encode(),
        status,
        media_type="application/json;charset=UTF-8",
        headers=headers,
    )


def refused(error: Refused, headers: dict[str, str]) -> Response:
    body = {"code": error.code, "msg": error.message}
    return answer(body, headers | error.headers, error.status)


def refusal(code: int, now: int) -> Response:
    """Codes are negative; the minus sign is optional. Binance's errors carry no time."""
    return refused(Refused(-abs(code)), {})
