"""No secret in any output: every error message passes `redact` before it leaves the process.

Masked are the secrets that this process knows (credentials, the database password), in every form
in which libraries and exchanges repeat them; the signatures of its latest requests; anything that
looks like a signature; and the query string of every URL.
"""

import base64
import json
import os
import re
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from html import escape
from urllib.parse import parse_qs, quote, quote_plus, unquote, urlsplit

from alphapulse_pipeline.settings.environment import POSTGRES_URL, secrets

_URL_QUERY = re.compile(r"(\b[a-z][a-z0-9+.-]*://[^\s?'\"<>]+)\?[^\s'\"<>]*", re.IGNORECASE)
_URL_PASSWORD = re.compile(r"(\b[a-z][a-z0-9+.-]*://[^\s/:@'\"]*):[^\s/@'\"]*@", re.IGNORECASE)
_SIGNATURE = re.compile(
    r"(?i)\b(x-bapi-sign|api-sign|ok-access-sign|signature|sign|passphrase|secret)"
    r"(['\"]?\s*[=:]\s*['\"]?)[A-Za-z0-9+/=_%-]{8,}"
)
# PostgreSQL cannot store some of these, and others would move a terminal's cursor
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_MASK = "***"
_SHORTEST = 4
"""Shorter values are not secrets, and masking them would garble ordinary words."""

_signatures: deque[str] = deque(maxlen=64)


def redact(text: str) -> str:
    """`text` without API keys, secrets, passwords, signatures and URL query strings.

    The result is safe to print and to store, whatever an exchange has sent.
    """
    known = {form for secret in _known() if len(secret) >= _SHORTEST for form in _forms(secret)}
    for form in sorted(known, key=len, reverse=True):
        text = text.replace(form, _MASK)
    text = _URL_QUERY.sub(r"\1", text)
    text = _URL_PASSWORD.sub(rf"\1:{_MASK}@", text)
    return _UNPRINTABLE.sub("?", _SIGNATURE.sub(rf"\1\2{_MASK}", text))


def remember_signatures(signatures: Iterable[str]) -> None:
    """Mask these from now on: an exchange that refuses a request may repeat it in its answer."""
    _signatures.extend(signatures)


@contextmanager
def redacted_errors() -> Iterator[None]:
    """Redact any exception raised inside, with its causes.

    For the places where unexpected errors leave our code: Dagster logs the whole chain.
    """
    try:
        yield
    except Exception as error:
        without_secrets(error)
        raise


def without_secrets(error: BaseException) -> None:
    """Redact the messages of `error`, its causes and its contexts: a traceback shows them all."""
    waiting, done = [error], set[int]()
    while waiting:
        one = waiting.pop()
        if id(one) in done:
            continue
        done.add(id(one))
        one.args = tuple(_redacted(part) for part in one.args)
        # some exceptions show these instead of their args
        for name in ("strerror", "filename", *vars(one)):
            if isinstance(value := getattr(one, name, None), str):
                setattr(one, name, redact(value))
        waiting += [other for other in (one.__cause__, one.__context__) if other is not None]
        if isinstance(one, BaseExceptionGroup):
            waiting += one.exceptions


def _redacted(part: object) -> object:
    if isinstance(part, str):
        return redact(part)
    shown = repr(part)
    return part if (clean := redact(shown)) == shown else clean


def _known() -> Iterator[str]:
    yield from secrets()
    yield from tuple(_signatures)
    yield from _passwords(os.environ.get(POSTGRES_URL, ""))


def _passwords(url: str) -> Iterator[str]:
    try:
        parts = urlsplit(url)
    except ValueError:  # not a URL; `connect` reports that
        return
    if parts.password:
        yield parts.password
        yield unquote(parts.password)
    yield from parse_qs(parts.query).get("password", ())


def _forms(secret: str) -> Iterator[str]:
    yield secret
    yield quote(secret, safe="")
    yield quote(secret)
    yield quote_plus(secret)
    yield escape(secret)
    yield repr(secret)[1:-1]
    # inside JSON; some encoders write a slash as \/
    as_json = json.dumps(secret)[1:-1]
    yield as_json
    yield as_json.replace("/", "\\/")
    # without the last character, which depends on the byte that follows
    encoded = base64.b64encode(secret.encode()).decode()
    yield encoded
    yield encoded.rstrip("=")[:-1]
