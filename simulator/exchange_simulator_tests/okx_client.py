"""A minimal client of the OKX protocol, with signatures as documented."""

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from exchange_simulator import Key, Simulator
from exchange_simulator_tests.client import Answer, get


def stamp(at: int) -> str:
    """`2020-12-08T09:08:57.715Z`."""
    moment = datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=at)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def headers(path: str, at: int, key: Key) -> dict[str, str]:
    """`path` includes the query."""
    origin = f"{stamp(at)}GET{path}"
    digest = hmac.new(key.secret.encode(), origin.encode(), hashlib.sha256).digest()
    return {
        "OK-ACCESS-KEY": key.key,
        "OK-ACCESS-SIGN": base64.b64encode(digest).decode(),
        "OK-ACCESS-TIMESTAMP": stamp(at),
        "OK-ACCESS-PASSPHRASE": key.passphrase,
    }


def signed(
    simulator: Simulator,
    path: str,
    params: dict[str, Any] | None = None,
    *,
    key: Key | None = None,
    at: int | None = None,
    extra: dict[str, str] | None = None,
) -> Answer:
    """`path` is relative to /api/v5/; `extra` are headers."""
    target = f"/api/v5/{path}" + (f"?{urlencode(params)}" if params else "")
    signature = headers(target, simulator.now() if at is None else at, key or Key())
    return get(simulator, target, signature | (extra or {}))


def rows(
    simulator: Simulator, path: str, params: dict[str, Any] | None = None
) -> list[dict[str, Any]]:
    """One page."""
    answer = signed(simulator, path, params)
    assert answer.json["code"] == "0", answer.json
    found: list[dict[str, Any]] = answer.json["data"]
    return found


def walk(
    simulator: Simulator, path: str, params: dict[str, Any] | None = None, by: str = "billId"
) -> list[dict[str, Any]]:
    """All pages: each continues after the last row of the previous one, until one is empty."""
    found: list[dict[str, Any]] = []
    while True:
        after = {"after": found[-1][by]} if found else {}
        page = rows(simulator, path, (params or {}) | after)
        if not page:
            return found
        assert not found or page[0] != found[-1], "no progress"
        found += page
