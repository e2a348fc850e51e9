"""Reads an exchange's JSON, which may contain anything."""

import json
import re
from typing import Any

from ccxt.base import errors as ccxt

# control characters, direction overrides, line separators, lone surrogates, noncharacters
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufdd0-\ufdef"
    "\ufffe\uffff]"
)
_MAY_BE_UNSAFE = re.compile(
    _UNSAFE.pattern + r"|\\[bfnrt]|\\u(?:00[01789]|061c|20[026]|d[89a-f]|fd[de]|fff)", re.IGNORECASE
)


def read_json(body: str) -> Any:
    """The answer, with exact numbers as text.

    Characters that PostgreSQL cannot store, that move a terminal's cursor or that turn the
    direction of a text are written as escapes: `\\u0000`. Raises `BadResponse` if the answer is
    nested too deeply to be read.
    """
    try:
        answer = json.loads(body, parse_float=str, parse_constant=str)
        return _escaped(answer) if _MAY_BE_UNSAFE.search(body) else answer
    except RecursionError:
        raise ccxt.BadResponse("the answer is nested too deeply") from None


def escape(text: str) -> str:
    """`text` with unsafe characters as escapes."""
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _escaped(value: Any) -> Any:
    match value:
        case str():
            return escape(value)
        case list():
            return [_escaped(item) for item in value]
        case dict():
            return {escape(name): _escaped(item) for name, item in value.items()}
        case _:
            return value
