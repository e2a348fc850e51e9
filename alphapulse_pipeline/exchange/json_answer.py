"""Reads an exchange's JSON, which may contain anything."""

import json
import re
from typing import Any

from ccxt.base import errors as ccxt

from alphapulse_pipeline.settings.printable import UNSAFE, escape

_MAY_BE_UNSAFE = re.compile(
    UNSAFE.pattern + r"|\\[bfnrt]|\\u(?:00[01789]|061c|20[026]|d[89a-f]|fd[de]|fff)", re.IGNORECASE
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
