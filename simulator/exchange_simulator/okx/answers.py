"""OKX's envelope and its error codes with their HTTP statuses (documentation: "Error Code")."""

import json
from typing import Any, NamedTuple

from starlette.responses import Response


class Meaning(NamedTuple):
    status: int
    sentence: str
    """With `{}` where the name of a parameter stands."""


CODES = {
    50001: Meaning(503, "Service temporarily unavailable. Please try again later."),
    50004: Meaning(400, "API endpoint request timeout."),
    50005: Meaning(410, "API is offline or unavailable."),
    50011: Meaning(
        429,
        "Rate limit reached. Please refer to API documentation and throttle requests accordingly.",
    ),
    50013: Meaning(429, "Systems are busy. Please try again later."),
    50014: Meaning(400, "Parameter {} can not be empty."),
    50015: Meaning(400, "Either parameter {} is required."),
    50026: Meaning(500, "System error. Please try again later."),
    50061: Meaning(429, "You've reached the maximum order rate limit for this account."),
    50100: Meaning(400, "API frozen, please contact customer service."),
    50101: Meaning(401, "APIKey does not match current environment."),
    50102: Meaning(401, "Timestamp request expired."),
    50103: Meaning(401, 'Request header "OK-ACCESS-KEY" can not be empty.'),
    50104: Meaning(401, 'Request header "OK-ACCESS-PASSPHRASE" can not be empty.'),
    50105: Meaning(401, 'Request header "OK-ACCESS-PASSPHRASE" incorrect.'),
    50106: Meaning(401, 'Request header "OK-ACCESS-SIGN" can not be empty.'),
    50107: Meaning(401, 'Request header "OK-ACCESS-TIMESTAMP" can not be empty.'),
    50110: Meaning(401, "Your IP {} is not included in your API key's IP whitelist."),
    50111: Meaning(401, "Invalid OK-ACCESS-KEY."),
    50112: Meaning(401, "Invalid OK-ACCESS-TIMESTAMP."),
    50113: Meaning(401, "Invalid Sign."),
    50119: Meaning(401, "API key doesn't exist."),
    50120: Meaning(401, "This API key doesn't have permission to use this function."),
    51000: Meaning(400, "Parameter {} error."),
    51001: Meaning(200, "Instrument ID, Instrument ID code, or Spread ID doesn't exist."),
    51003: Meaning(400, "Either client order ID or order ID is required."),
    51015: Meaning(200, "Instrument ID does not match instrument type."),
    51603: Meaning(200, "Order does not exist."),
    58129: Meaning(200, "{} is incorrect or does not exist."),
}
_UNKNOWN = Meaning(200, "Operation failed.")


class Refused(Exception):
    """A request that OKX answers with a code other than 0; `what`: the parameter it is about."""

    def __init__(self, code: int, what: str = "") -> None:
        self.code = code
        self.what = what
        super().__init__(CODES[code].sentence.format(what))


def answer(code: int, sentence: str, data: list[Any], status: int = 200) -> Response:
    body = {"code": str(code), "data": data, "msg": sentence}
    return Response(
        json.dumps(body, separators=(",", ":")).encode(),
        status_code=status,
        media_type="application/json",
    )


def refusal(code: int, now: int, what: str = "") -> Response:
    """`now` is of no account: OKX's answers carry no time of their own."""
    status, sentence = CODES.get(code, _UNKNOWN)
    return answer(code, sentence.format(what), [], status)
