"""Authentication (documentation: "REST Authentication").

Requests of demo trading have a header, and keys of their own ("Demo Trading Services").

The signature is the base64 HMAC-SHA256 of timestamp, method, path with query exactly as sent, and
body. A request expires thirty seconds after its timestamp.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import datetime

from exchange_simulator.keys import Key
from exchange_simulator.okx.answers import Refused
from exchange_simulator.state import ExchangeState

_WINDOW = 30_000
_STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
_HEADERS = {
    "ok-access-key": 50103,
    "ok-access-passphrase": 50104,
    "ok-access-sign": 50106,
    "ok-access-timestamp": 50107,
}


def authenticate(
    exchange: ExchangeState,
    headers: Mapping[str, str],
    method: str,
    path: str,
    client_ip: str,
    now: int,
) -> Key:
    """The key that signed the request; `path` includes the query. Raises Refused."""
    for name, code in _HEADERS.items():
        if not headers.get(name):
            raise Refused(code)
    written = headers["ok-access-timestamp"]
    if not exchange.in_time(_milliseconds(written), _WINDOW, _WINDOW):
        raise Refused(50102)
    key = exchange.keys.get(headers["ok-access-key"])
    if key is None:
        raise Refused(50111)
    if key.expires_at is not None and key.expires_at <= now:
        raise Refused(50119)
    if key.demo != (headers.get("x-simulated-trading") == "1"):
        raise Refused(50101)
    if headers["ok-access-passphrase"] != key.passphrase:
        raise Refused(50105)
    origin = f"{written}{method}{path}"
    digest = hmac.new(key.secret.encode(), origin.encode(), hashlib.sha256).digest()
    if not hmac.compare_digest(base64.b64encode(digest), headers["ok-access-sign"].encode()):
        raise Refused(50113)
    if "*" not in key.ips and client_ip not in key.ips:
        raise Refused(50110, client_ip)
    return key


def _milliseconds(stamp: str) -> int:
    if not _STAMP.fullmatch(stamp):
        raise Refused(50112)
    try:
        moment = datetime.fromisoformat(stamp)
    except ValueError:
        raise Refused(50112) from None
    return int(moment.timestamp()) * 1000 + moment.microsecond // 1000
