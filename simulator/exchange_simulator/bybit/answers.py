"""Bybit's envelope and its return codes (documentation: "Error Codes", "Integration Guidance")."""

import json
from typing import Any

from starlette.responses import Response

MESSAGES = {
    10000: "Server Timeout",
    10001: "params error",
    10003: "API key is invalid.",
    10005: "Permission denied, please check your API key permissions.",
    10006: "Too many visits!",
    10010: "Unmatched IP, please check your API key's bound IP addresses.",
    10016: "Internal server error.",
    10018: "Exceeded the IP Rate Limit.",
    10429: "System level frequency protection",
    33004: "Your api key has expired.",
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
