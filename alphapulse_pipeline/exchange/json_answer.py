"""Reads an exchange's JSON, which may contain anything."""

import json
import re
from typing import Any

from ccxt.base import errors as ccxt

from alphapulse_pipeline.datasets.values import NESTED_TOO_DEEPLY
from alphapulse_pipeline.settings.printable import UNSAFE, escape

_MAY_BE_UNSAFE = re.compile(
    UNSAFE.pattern + r"|\\[bfnrt]|\\u(?:00[01789]|061c|20[026]|d[89a-f]|fd[de]|fff)", re.IGNORECASE
)

_PLAIN = bytes(range(0x20, 0x7F)).replace(b"\\", b"")
"""Printable characters without the one that begins an escape."""
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)
_DEEPEST = 50
"""Levels of lists and objects: far more than any answer has."""
_LONGEST_INTEGER = 400
"""Digits. Python converts no more than 4300."""


def read_json(body: str) -> Any:
    """The answer, with exact numbers as text.

    Characters that PostgreSQL cannot store, that move a terminal's cursor or that turn the
    direction of a text are written as escapes: `\\u0000`. What no parser can hold is replaced, so
    that the rest can be read: what is nested too deeply, and endless integers, which become text.
    """
    try:
        return _loaded(body)
    except RecursionError:
        try:
            return _loaded(_cut(body))
        except RecursionError:
            raise ccxt.BadResponse("the answer is nested too deeply") from None


def _loaded(body: str) -> Any:
    try:
        answer = json.loads(body, parse_float=str, parse_constant=str)
    except json.JSONDecodeError:
        raise
    except ValueError:  # an integer of too many digits
        answer = json.loads(body, parse_float=str, parse_constant=str, parse_int=_integer)
    # most answers have nothing but printable ASCII, which takes a tenth of the time to see
    plain = body.isascii() and not body.encode().translate(None, _PLAIN)
    return answer if plain or not _MAY_BE_UNSAFE.search(body) else _escaped(answer)


def _integer(text: str) -> int | str:
    return int(text) if len(text) <= _LONGEST_INTEGER else text


def _cut(body: str) -> str:
    """JSON with a text instead of everything that is nested more deeply than `_DEEPEST`."""
    depth, rest, parts = 0, 0, []
    for token in _TOKEN.finditer(body):
        opens, closes = token[0] in "[{", token[0] in "]}"
        depth += opens
        if depth == _DEEPEST + 1 and opens:
            parts.append(body[rest : token.start()])
        elif depth == _DEEPEST + 1 and closes:
            parts.append(f'"{NESTED_TOO_DEEPLY}"')
            rest = token.end()
        depth -= closes
    return "".join(parts) + body[rest:]


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
