"""Authentication (documentation: "Spot REST Authentication").

The signature is the base64 HMAC-SHA512, keyed with the decoded secret, of the path and the SHA-256
of nonce and body. Every private request needs a nonce that increases and was never used before.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping

from exchange_simulator.keys import Key
from exchange_simulator.kraken.answers import (
    INVALID_KEY,
    INVALID_NONCE,
    INVALID_SIGNATURE,
    PERMISSION_DENIED,
    Refused,
)

NONCE_WINDOW = 10_000
"""How far a nonce may be below the highest one. New keys have a window of zero; clients with
concurrent requests must configure one, since requests overtake each other."""


class Nonces:
    """The highest nonce of each key, and the nonces used within the window below it."""

    def __init__(self) -> None:
        self._highest: dict[str, int] = {}
        self._used: dict[str, set[int]] = {}

    def use(self, key: str, nonce: int) -> None:
        """Raises Refused if the nonce was used before or is too far below the highest."""
        highest = max(self._highest.get(key, 0), nonce)
        used = self._used.setdefault(key, set())
        if nonce in used or nonce <= highest - NONCE_WINDOW:
            raise Refused(INVALID_NONCE)
        used.add(nonce)
        self._highest[key] = highest
        if len(used) > 2 * NONCE_WINDOW:
            self._used[key] = {known for known in used if known > highest - NONCE_WINDOW}


def signature(secret: str, path: str, nonce: str, body: bytes) -> str:
    """Raises binascii.Error if the secret is not base64."""
    digest = hashlib.sha256(nonce.encode() + body).digest()
    # lenient, as Python clients decode it: characters outside the alphabet are ignored
    keyed = hmac.new(base64.b64decode(secret), path.encode() + digest, hashlib.sha512)
    return base64.b64encode(keyed.digest()).decode()


def authenticate(
    headers: Mapping[str, str],
    path: str,
    body: bytes,
    nonce: str,
    client_ip: str,
    keys: Mapping[str, Key],
    nonces: Nonces,
    now: int,
) -> Key:
    """The key that signed the request. Raises Refused."""
    key = keys.get(headers.get("api-key", ""))
    if key is None or (key.expires_at is not None and key.expires_at <= now):
        raise Refused(INVALID_KEY)
    if not (nonce.isascii() and nonce.isdigit()):
        raise Refused(INVALID_NONCE)
    try:
        expected = signature(key.secret, path, nonce, body)
    except binascii.Error:
        # Kraken never issues a key whose secret is not base64
        raise Refused(INVALID_KEY) from None
    if not hmac.compare_digest(expected.encode(), headers.get("api-sign", "").encode("latin-1")):
        raise Refused(INVALID_SIGNATURE)
    nonces.use(key.key, int(nonce))
    if "*" not in key.ips and client_ip not in key.ips:
        raise Refused(PERMISSION_DENIED)
    return key
