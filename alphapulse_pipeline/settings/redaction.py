"""No secret in any output: every text that leaves the process about a failure passes `redact`."""

import json
import os
import re
from collections.abc import Iterator
from urllib.parse import quote, unquote, urlsplit

from alphapulse_pipeline.settings.environment import POSTGRES_URL

_SECRET_NAME = re.compile(r".+_API_(KEY|SECRET|PASSWORD)$|ALPHAPULSE_ALERT_WEBHOOK$")
_URL_QUERY = re.compile(r"(\b[a-z][a-z0-9+.-]*://[^\s?'\"<>]+)\?[^\s'\"<>]*", re.IGNORECASE)
_URL_PASSWORD = re.compile(r"(\b[a-z][a-z0-9+.-]*://[^\s/:@'\"]*):[^\s/@'\"]*@", re.IGNORECASE)
_SIGNATURE = re.compile(
    r"(?i)\b(x-bapi-sign|api-sign|ok-access-sign|signature|sign|passphrase|secret)"
    r"(['\"]?\s*[=:]\s*['\"]?)[A-Za-z0-9+/=_%-]{8,}"
)
_MASK = "***"


def redact(text: str) -> str:
    """`text` without API keys, secrets, passwords, signatures and URL query strings."""
    for secret in sorted(_secrets(), key=len, reverse=True):
        text = text.replace(secret, _MASK)
    text = _URL_QUERY.sub(r"\1", text)
    text = _URL_PASSWORD.sub(rf"\1:{_MASK}@", text)
    return _SIGNATURE.sub(rf"\1\2{_MASK}", text)


def _secrets() -> Iterator[str]:
    # Values shorter than this are no secrets, and masking them would garble ordinary words.
    shortest = 4
    for name, value in os.environ.items():
        if _SECRET_NAME.match(name) and len(value) >= shortest:
            yield value
            yield quote(value, safe="")
            yield json.dumps(value)[1:-1]  # a key of several lines, inside of a JSON text
    password = urlsplit(os.environ.get(POSTGRES_URL, "")).password
    if password and len(password) >= shortest:
        yield password
        yield unquote(password)
