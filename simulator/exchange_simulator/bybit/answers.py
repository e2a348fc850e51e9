"""Bybit's envelope and its return codes (documentation: "Error Codes", "Integration Guidance")."""

import json
from typing import Any

from starlette.responses import Response

MESSAGES = {
    -1: "request expired: o@0, now[] diff[]",
    429: "The trading service is experiencing a high server load. Please retry if you encounter "
    "this issue.",
    10000: "Server Timeout",
    10001: "params error",
    10003: "API key is invalid.",
    10005: "Permission denied, please check your API key permissions.",
    10006: "Too many visits!",
    10009: "Service Restricted: Access is currently unavailable for your region. Please contact "
    "our support team for further assistance",
    10010: "Unmatched IP, please check your API key's bound IP addresses.",
    10016: "Internal server error.",
    10018: "Exceeded the IP Rate Limit.",
    10024: "Compliance rules triggered",
    10027: "Transactions are banned.",
    10028: "The API can only be accessed by unified account users.",
    10032: "Demo trading are not supported.",
    10429: "System level frequency protection",
    33004: "Your api key has expired.",
    131001: "openapi svc error",
    131003: "Internal error",
    131200: "Service error",
    131201: "Internal error",
    131230: "The system is busy, please try again later",
}


class Refused(Exception):
    """A request that Bybit rejects with a nonzero return code."""

    def __init__(self, code: int, message: str = "") -> None:
        self.code = code
        self.message = message or MESSAGES.get(code, "")
        super().__init__(self.message)


def answer(
    code: int, message: str, result: Any, now: int, headers: dict[str, str] | None = None
) -> Response:
    body = {
        "retCode": code,
        "retMsg": message,
        "result": result,
        "retExtInfo": {},
        "time": now,
    }
    return Response(
        json.dumps(body, separators=(",", ":")).encode(),
        media_type="application/json; charset=utf-8",
        headers=headers,
    )


def refusal(code: int, now: int) -> Response:
    return answer(code, MESSAGES.get(code, "Unknown error"), {}, now)
