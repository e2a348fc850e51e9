"""Authentication (documentation: "Integration Guidance", "Error Codes").

The signature is the hex HMAC-SHA256 of timestamp, key, receive window and the query string exactly
as sent.
"""

import hashlib
import hmac
from collections.abc import Mapping

from exchange_simulator.bybit.answers import Refused
from exchange_simulator.keys import Key
from exchange_simulator.state import ExchangeState

_DEFAULT_WINDOW = 5000


def authenticate(
    headers: Mapping[str, str], query: str, client_ip: str, exchange: ExchangeState, now: int
) -> Key:
    """The key that signed the request. Raises Refused; the order of the checks is Bybit's."""
    name = headers.get("x-bapi-api-key", "")
    if not name:
        raise Refused(10001, "empty value: apiKey")
    stamp = headers.get("x-bapi-timestamp", "")
    window = headers.get("x-bapi-recv-window") or str(_DEFAULT_WINDOW)
    if not stamp.isdigit():
        raise Refused(10001, "params error: timestamp is invalid")
    if not window.isdigit():
        raise Refused(10001, "params error: recv_window is invalid")
    if not exchange.in_time(int(stamp), int(window)):
        raise Refused(
            10002,
            "invalid request, please check your server timestamp or recv_window param. "
            f"req_timestamp[{stamp}],server_timestamp[{now}],recv_window[{window}]",
        )
    key = exchange.keys.get(name)
    if key is None:
        raise Refused(10003)
    origin = f"{stamp}{name}{headers.get('x-bapi-recv-window', '')}{query}"
    expected = hmac.new(key.secret.encode(), origin.encode(), hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected.encode(), headers.get("x-bapi-sign", "").encode()):
        raise Refused(10004, f"error sign! origin_string[{origin}]")
    if key.expires_at is not None and key.expires_at <= now:
        raise Refused(33004)
    if "*" not in key.ips and client_ip not in key.ips:
        raise Refused(10010)
    return key
