"""A minimal client of Kraken's protocol, with signatures as documented, and its world."""

import base64
import hashlib
import hmac
import itertools
import json
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any, NamedTuple
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from exchange_simulator import Key, Simulator, World

NOW_AT = datetime(2026, 11, 20, 12, 34, 56, 789000, tzinfo=UTC)
NOW = int(NOW_AT.timestamp()) * 1000 + 789
DAYS = 90
"""Long enough for a market to be delisted."""

_nonces = itertools.count(time.time_ns())


@cache
def ninety_days() -> World:
    return World(seed=5, genesis=NOW_AT - timedelta(days=DAYS), ties=60)


class Answer(NamedTuple):
    error: list[str]
    body: dict[str, Any]

    @property
    def result(self) -> Any:
        assert not self.error, self.error
        return self.body["result"]


def public(simulator: Simulator, name: str, params: dict[str, Any] | None = None) -> Answer:
    query = f"?{urlencode(params)}" if params else ""
    return _ask(Request(f"{simulator.url}/0/public/{name}{query}"))  # noqa: S310


def private(
    simulator: Simulator,
    name: str,
    params: dict[str, Any] | None = None,
    *,
    key: Key | None = None,
    nonce: int | None = None,
) -> Answer:
    key = key or Key()
    nonce = next(_nonces) if nonce is None else nonce
    path = f"/0/private/{name}"
    body = urlencode({"nonce": nonce} | (params or {})).encode()
    message = path.encode() + hashlib.sha256(str(nonce).encode() + body).digest()
    sign = hmac.new(base64.b64decode(key.secret), message, hashlib.sha512)
    headers = {
        "API-Key": key.key,
        "API-Sign": base64.b64encode(sign.digest()).decode(),
        "Content-Type": "application/x-www-form-urlencoded",
        "User-Agent": "client",
    }
    return _ask(Request(simulator.url + path, body, headers))  # noqa: S310


def _ask(request: Request) -> Answer:
    with urlopen(request, timeout=60) as response:  # noqa: S310
        assert response.status == 200
        body = json.loads(response.read(), parse_float=Decimal)
    return Answer(body["error"], body)


def all_pages(
    simulator: Simulator, name: str, rows: str, params: dict[str, Any] | None = None
) -> dict[str, Any]:
    """All rows by id, read by offset until all `count` rows are there."""
    found: dict[str, Any] = {}
    while True:
        page = private(simulator, name, (params or {}) | {"ofs": len(found)}).result
        found |= page[rows]
        if len(found) >= page["count"]:
            return found
        assert page[rows], f"{page['count'] - len(found)} rows are missing from all pages"
