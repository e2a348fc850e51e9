"""A minimal client of the Bybit protocol, with signatures as documented."""

import hashlib
import hmac
import json
import time
from typing import Any, NamedTuple
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from exchange_simulator import Key, Simulator


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        parsed: dict[str, Any] = json.loads(self.body)
        return parsed

    @property
    def code(self) -> int:
        return int(self.json["retCode"])

    @property
    def result(self) -> dict[str, Any]:
        assert self.code == 0, self.json
        found: dict[str, Any] = self.json["result"]
        return found


def get(simulator: Simulator, path: str, headers: dict[str, str] | None = None) -> Answer:
    request = Request(simulator.url + path, headers=headers or {})  # noqa: S310
    try:
        with urlopen(request, timeout=60) as response:  # noqa: S310
            return Answer(response.status, dict(response.headers), response.read())
    except HTTPError as error:
        return Answer(error.code, dict(error.headers), error.read())


def signed(
    simulator: Simulator,
    path: str,
    params: dict[str, Any] | None = None,
    *,
    key: Key | None = None,
    stamp: int | None = None,
    window: int = 5000,
    agent: str = "client",
    patient: bool = True,
) -> Answer:
    """`params` are sent like Bybit's own clients do: cursors are not encoded again. A patient
    client retries when it is rate limited."""
    key = key or Key()
    query = urlencode(params or {}, safe="%")
    stamp = simulator.now() if stamp is None else stamp
    origin = f"{stamp}{key.key}{window}{query}"
    headers = {
        "X-BAPI-API-KEY": key.key,
        "X-BAPI-TIMESTAMP": str(stamp),
        "X-BAPI-RECV-WINDOW": str(window),
        "X-BAPI-SIGN": hmac.new(key.secret.encode(), origin.encode(), hashlib.sha256).hexdigest(),
        "User-Agent": agent,
    }
    while True:
        answer = get(simulator, f"{path}?{query}" if query else path, headers)
        if not patient or answer.code != 10006:
            return answer
        time.sleep(0.05)


def all_pages(simulator: Simulator, path: str, params: dict[str, Any]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    cursor = ""
    while True:
        page = signed(simulator, path, params | ({"cursor": cursor} if cursor else {})).result
        rows += page["list"] if "list" in page else page["rows"]
        cursor = page["nextPageCursor"]
        if not cursor:
            return rows
