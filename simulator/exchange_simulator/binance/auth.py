"""Authentication (documentation: "Request Security", "SIGNED Endpoint security").

The signature is the hex HMAC-SHA256 of query string and body exactly as sent, without the parameter
`signature`, which comes last.
"""

import hashlib
import hmac
import re

from exchange_simulator.binance.answers import Refused, missing
from exchange_simulator.keys import Key
from exchange_simulator.state import ExchangeState

_DEFAULT_WINDOW = 5000
_LONGEST_WINDOW = 60_000
_AHEAD = 1000
_KEY_FORMAT = re.compile(r"[A-Za-z0-9_-]{1,128}")
_SIGNATURE = re.compile(r"(?:^|&)signature=([^&]*)$")


def authenticate(
    exchange: ExchangeState,
    name: str,
    query: str,
    body: str,
    params: dict[str, str],
    client_ip: str,
) -> Key:
    """The key that signed the request. Raises Refused.

    `name`: the header X-MBX-APIKEY; `query` and `body` as they were sent, `params` decoded.
    """
    if not _KEY_FORMAT.fullmatch(name):
        raise Refused(-2014)
    stamp, window = params.get("timestamp", ""), params.get("recvWindow") or str(_DEFAULT_WINDOW)
    if not stamp.isdigit():
        raise missing("timestamp")
    if not window.isdigit():
        raise missing("recvWindow")
    if int(window) > _LONGEST_WINDOW:
        raise Refused(-1131)
    if not exchange.in_time(int(stamp), int(window), _AHEAD):
        if int(stamp) > exchange.now():
            raise Refused(
                -1021,
                f"Timestamp for this request was {_AHEAD}ms ahead of the server's time.",
            )
        raise Refused(-1021)
    key = exchange.keys.get(name)
    if key is None:
        raise Refused(-2015)
    if "signature" not in params:
        raise missing("signature")
    payload = _SIGNATURE.sub("", query) + _SIGNATURE.sub("", body)
    expected = hmac.new(key.secret.encode(), payload.encode(), hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected.encode(), params["signature"].lower().encode()):
        raise Refused(-1022)
    if key.expires_at is not None and key.expires_at <= exchange.now():
        raise Refused(-2015)
    if "*" not in key.ips and client_ip not in key.ips:
        raise Refused(-2015)
    return key
