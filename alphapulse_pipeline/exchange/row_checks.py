"""Whether a table can hold the rows that were read."""

import re
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from functools import cache
from itertools import chain
from operator import itemgetter
from typing import Any, NamedTuple, TypeGuard

from alphapulse_pipeline.datasets import History, Type
from alphapulse_pipeline.datasets.values import NESTED_TOO_DEEPLY, Row
from alphapulse_pipeline.exchange.errors import Unreadable

_ESCAPE = re.compile(r"\\u[0-9a-f]{4}", re.IGNORECASE)  # ccxt writes assets in capitals
"""What `printable.escape` writes for a character that cannot be stored."""
_LONGEST_TEXT = 500
"""Characters of a column: far more than any name or id has, and few enough for an index."""
_TYPES: dict[Type, tuple[type, ...]] = {
    Type.TEXT: (str, int),
    Type.NUMERIC: (Decimal, int),
    Type.TIMESTAMP: (datetime,),
}
_NONE = type(None)
_NESTED = frozenset({dict, list})


def is_name(value: Any) -> TypeGuard[str]:
    """Whether a value can name something, such as a market."""
    return isinstance(value, str) and len(value) <= _LONGEST_TEXT and not _ESCAPE.search(value)


def all_fit(history: History, rows: Sequence[Row]) -> bool:
    """Whether the table can hold all of the rows, seen in whole columns, which takes a quarter of
    the time. If they do not all fit, or it cannot be seen, `check` says which row does not."""
    if not rows:
        return True
    names = tuple(rows[0])
    if set(map(len, rows)) != {len(names)}:
        return False
    try:
        columns = dict(zip(names, zip(*map(itemgetter(*names), rows), strict=True), strict=True))
    except KeyError:
        return False
    expected = _columns(history)
    if not expected.needed <= columns.keys() or not all(columns[history.subject]):
        return False
    texts: list[str] = []
    for name, values in columns.items():
        types = set(map(type, values))
        if _NONE in types and name in expected.needed:
            return False
        if name in expected.types:
            if not types <= {*expected.types[name], _NONE}:
                return False
            if str in types:
                texts += [value for value in values if type(value) is str]
    if max(map(len, texts), default=0) > _LONGEST_TEXT or _ESCAPE.search("\n".join(texts)):
        return False
    if set(map(type, columns["raw"])) != {dict}:
        return False
    fields = chain.from_iterable(map(dict.values, columns["raw"]))
    return _NESTED.isdisjoint(map(type, fields)) or NESTED_TOO_DEEPLY not in str(columns["raw"])


def check(method: str, history: History, row: Row) -> None:
    """Raises `Unreadable` for a row that the table cannot hold."""
    expected = _columns(history)
    for name in (*history.required, *history.key[1:]):
        if row.get(name) is None:
            raise Unreadable(f"{method} returned a row without {name}")
    if not row[history.subject]:
        raise Unreadable(f"{method} returned a row without {history.subject}")
    for name, value in row.items():
        allowed = expected.types.get(name)
        if value is None or allowed is None:
            continue
        if not isinstance(value, allowed):
            raise Unreadable(f"{method} returned a {name} that is a {type(value).__name__}")
        if isinstance(value, str) and len(value) > _LONGEST_TEXT:
            raise Unreadable(f"{method} returned a {name} of {len(value)} characters")
    for name in (*history.key[1:], history.subject):
        if _ESCAPE.search(str(row[name])):
            raise Unreadable(f"{method} returned a {name} with unprintable characters: {row[name]}")
    raw = row["raw"]
    fields = raw.values() if isinstance(raw, dict) else [raw]
    if any(isinstance(f, dict | list) and NESTED_TOO_DEEPLY in str(f) for f in fields):
        raise Unreadable(f"{method} returned a row that is nested too deeply")


class _Columns(NamedTuple):
    needed: frozenset[str]
    """Those that must have a value."""
    types: dict[str, tuple[type, ...]]
    """The types of those whose types are checked."""


@cache
def _columns(history: History) -> _Columns:
    return _Columns(
        frozenset((*history.required, *history.key[1:])),
        {
            name: _TYPES[column.type]
            for name, column in history.by_name.items()
            if column.type in _TYPES
        },
    )
