"""OKX's envelope and its error codes with their HTTP statuses (documentation: "Error Code")."""

import json
from typing import Any, NamedTuple

from starlette.responses import Response


class ErrorCode(NamedTuple):
    status: int
    message: str
    """`{}` is replaced by the name of a parameter."""


CODES = {
    50001: ErrorCode(503, "Service temporarily unavailable. Please try again later."),
    50004: ErrorCode(400, "API endpoint request timeout."),
    50005: ErrorCode(410, "API is offline or unavailable."),
    50011: ErrorCode(
        429,
        "Rate limit reached. Please refer to API documentation and throttle requests accordingly.",
    ),
    50013: ErrorCode(429, "Systems are busy. Please try again later."),
    50014: ErrorCode(400, "Parameter {} can not be empty."),
    50015: ErrorCode(400, "Either parameter {} is required."),
    50026: ErrorCode(500, "System error. Please try again later."),
    50038: ErrorCode(200, "This feature is unavailable in demo trading"),
    50051: ErrorCode(
        200,
        "Due to compliance restrictions in your country or region, you cannot use this feature.",
    ),
    50061: ErrorCode(200, "You've reached the maximum order rate limit for this account."),
    50100: ErrorCode(400, "API frozen, please contact customer service."),
    50101: ErrorCode(401, "APIKey does not match current environment."),
    50102: ErrorCode(401, "Timestamp request expired."),
    50103: ErrorCode(401, 'Request header "OK-ACCESS-KEY" can not be empty.'),
    50104: ErrorCode(401, 'Request header "OK-ACCESS-PASSPHRASE" can not be empty.'),
    50105: ErrorCode(401, 'Request header "OK-ACCESS-PASSPHRASE" incorrect.'),
    50106: ErrorCode(401, 'Request header "OK-ACCESS-SIGN" can not be empty.'),
    50107: ErrorCode(401, 'Request header "OK-ACCESS-TIMESTAMP" can not be empty.'),
    50110: ErrorCode(401, "Your IP {} is not included in your API key's IP whitelist."),
    50111: ErrorCode(401, "Invalid OK-ACCESS-KEY."),
    50112: ErrorCode(401, "Invalid OK-ACCESS-TIMESTAMP."),
    50113: ErrorCode(401, "Invalid Sign."),
    50119: ErrorCode(200, "API key doesn't exist."),
    50120: ErrorCode(200, "This API key doesn't have permission to use this function."),
    50121: ErrorCode(200, "You can't access our services through the IP address ({})."),
    51000: ErrorCode(400, "Parameter {} error."),
    51001: ErrorCode(200, "Instrument ID, Instrument ID code, or Spread ID doesn't exist."),
    51003: ErrorCode(400, "Either client order ID or order ID is required."),
    51015: ErrorCode(200, "Instrument ID does not match instrument type."),
    51603: ErrorCode(200, "Order does not exist."),
    58129: ErrorCode(200, "{} is incorrect or does not exist."),
}
_UNKNOWN = ErrorCode(200, "Operation failed.")


class Refused(Exception):
    """A request that OKX rejects with a nonzero code; `what` is the parameter in question."""

    def __init__(self, code: int, what: str = "") -> None:
        self.code = code
        self.what = what
        super().__init__(CODES[code].message.format(what))


def answer(code: int, message: str, data: list[Any], status: int = 200) -> Response:
    body = {"code": str(code), "data": data, "msg": message}
    return Response(
        json.dumps(body, separators=(",", ":")).encode(),
        status_code=status,
        media_type="application/json",
    )


def refusal(code: int, now: int, what: str = "") -> Response:
    """`now` is unused: OKX's answers carry no time."""
    status, message = CODES.get(code, _UNKNOWN)
    return answer(code, message.format(what), [], status)
