"""Kraken's envelope and its errors (documentation: "Spot Error Messages").

Every answer has HTTP status 200; errors are in the list `error`.
"""

import json
from typing import Any

from starlette.responses import Response

INVALID_KEY = "EAPI:Invalid key"
INVALID_SIGNATURE = "EAPI:Invalid signature"
INVALID_NONCE = "EAPI:Invalid nonce"
RATE_LIMIT = "EAPI:Rate limit exceeded"
PERMISSION_DENIED = "EGeneral:Permission denied"
INVALID_ARGUMENTS = "EGeneral:Invalid arguments"
UNKNOWN_METHOD = "EGeneral:Unknown method"
UNAVAILABLE = "EService:Unavailable"
BUSY = "EService:Busy"
LOCKOUT = "EGeneral:Temporary lockout"
CANCEL_ONLY = "EService:Market in cancel_only mode"
UNKNOWN_ASSET = "EQuery:Unknown asset"
UNKNOWN_PAIR = "EQuery:Unknown asset pair"
UNKNOWN_FUNDING_ASSET = "EFunding:Unknown asset"

_BY_STATUS = {
    400: INVALID_ARGUMENTS,
    401: INVALID_KEY,
    403: PERMISSION_DENIED,
    404: UNKNOWN_METHOD,
    405: CANCEL_ONLY,
    409: INVALID_NONCE,
    423: LOCKOUT,
    429: RATE_LIMIT,
    502: BUSY,
    503: UNAVAILABLE,
}


class Refused(Exception):
    """A request that Kraken rejects with an error."""

    def __init__(self, error: str) -> None:
        self.error = error
        super().__init__(error)


def answer(result: Any) -> Response:
    return _respond({"error": [], "result": result})


def nothing(result: Any) -> Response:
    """The answer about the balances of an account that never had any: it has no result."""
    return _respond({"error": []})


def refused(error: str) -> Response:
    return _respond({"error": [error]})


def refusal(code: int, now: int) -> Response:
    """Kraken's errors have no codes: `code` is the closest HTTP status."""
    return refused(_BY_STATUS.get(code, f"EGeneral:Internal error:{code}"))


def _respond(body: dict[str, Any]) -> Response:
    return Response(
        json.dumps(body, separators=(",", ":")).encode(),
        media_type="application/json; charset=utf-8",
    )
