"""A minimal client of the Binance protocol, with signatures as documented."""

import hashlib
import hmac
import json
from email.message import Message
from typing import Any, NamedTuple
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from exchange_simulator import Key, Simulator


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    json: Any

    @property
    def code(self) -> int:
        """0 if there is no error."""
        return int(self.json.get("code", 0)) if isinstance(self.json, dict) else 0

    @property
    def result(self) -> Any:
        assert self.status == 200, self.json
        return self.json


def send(
    simulator: Simulator,
    path: str,
    headers: dict[str, str] | None = None,
    body: str | None = None,
) -> Answer:
    data = None if body is None else body.encode()
    request = Request(simulator.url + path, data=data, headers=headers or {})  # noqa: S310
    try:
        with urlopen(request, timeout=60) as response:  # noqa: S310
            return Answer(response.status, _headers(response.headers), json.load(response))
    except HTTPError as error:
        return Answer(error.code, _headers(error.headers), json.load(error))


def _headers(message: Message) -> dict[str, str]:
    return {name.lower(): value for name, value in message.items()}


def signed(
    simulator: Simulator,
    path: str,
    params: dict[str, Any] | None = None,
    *,
    key: Key | None = None,
    stamp: int | None = None,
    window: int | None = None,
    post: bool = False,
) -> Answer:
    key = key or Key()
    stamp = simulator.now() if stamp is None else stamp
    timing = {"timestamp": stamp} | ({"recvWindow": window} if window is not None else {})
    text = urlencode((params or {}) | timing)
    text += "&signature=" + sign(key, text)
    headers = {"X-MBX-APIKEY": key.key, "User-Agent": "client"}
    if post:
        return send(simulator, path, headers, text)
    return send(simulator, f"{path}?{text}", headers)


def sign(key: Key, text: str) -> str:
    return hmac.new(key.secret.encode(), text.encode(), hashlib.sha256).hexdigest()


def by_id(
    simulator: Simulator, path: str, params: dict[str, Any], parameter: str, field: str
) -> list[dict[str, Any]]:
    """All rows of a history that is paged by id."""
    rows: list[dict[str, Any]] = []
    first = 0
    while page := signed(simulator, path, {**params, parameter: first}).result:
        assert page[0][field] >= first, "no progress"
        rows += page
        first = page[-1][field] + 1
    return rows


def without_conditional(facts: dict[str, Any]) -> dict[str, Any]:
    """The truth without conditional orders, which are listed apart."""
    orders = [order for order in facts["orders"] if not order["order_id"].startswith("algo-")]
    return facts | {"orders": orders}
