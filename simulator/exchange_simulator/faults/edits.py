"""Edits of an answer's rows and fields.

An edit receives a parsed answer, may modify it, and returns the answer to send.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from zlib import crc32

from exchange_simulator.faults.kinds import NESTED, POISONS
from exchange_simulator.pseudorandom import mix
from exchange_simulator.rows import Rows, emptied, replaced

_FIGURE = re.compile(r"-?\d+(\.\d+)?")


class Page(NamedTuple):
    answer: Any
    rows: Rows | None
    """None: the answer has no known rows."""
    previous: bytes | None
    """The body of the previous page."""
    seed: int


Edit = Callable[[Page, str], Any]


def _empty(page: Page, value: str) -> Any:
    return page.answer if page.rows is None else emptied(page.rows, page.answer)


def _doubled(page: Page, value: str) -> Any:
    return _rearranged(page, lambda rows: [row for row in rows for _ in range(2)])


def _shuffled(page: Page, value: str) -> Any:
    def shuffle(rows: list[Any]) -> list[Any]:
        found = sorted(rows, key=lambda row: mix(page.seed, crc32(compact(row))))
        return found if found != rows else rows[::-1]

    return _rearranged(page, shuffle)


def _reversed(page: Page, value: str) -> Any:
    return _rearranged(page, lambda rows: rows[::-1])


def _first(page: Page, value: str) -> Any:
    return _rearranged(page, lambda rows: rows[: int(value)])


def _rearranged(page: Page, rearrange: Callable[[list[Any]], list[Any]]) -> Any:
    def rearrange_rows(rows: Any) -> Any:
        # an object cannot have a key twice, so its rows cannot be doubled
        return dict(rearrange(list(rows.items()))) if isinstance(rows, dict) else rearrange(rows)

    return page.answer if page.rows is None else replaced(page.rows, page.answer, rearrange_rows)


def _previous(page: Page, value: str) -> Any:
    return page.answer if page.previous is None else json.loads(page.previous)


def _missing(page: Page, name: str) -> Any:
    return _fields(page.answer, name, lambda value: {})


def _nulled(page: Page, name: str) -> Any:
    return _fields(page.answer, name, lambda value: {name: None})


def _renamed(page: Page, name: str) -> Any:
    return _fields(page.answer, name, lambda value: {f"{name}New": value})


def _retyped(page: Page, name: str) -> Any:
    return _fields(page.answer, name, lambda value: {name: _retype_value(value)})


def _repeated(page: Page, name: str) -> Any:
    """The value that the first row has."""
    values: list[Any] = []

    def first(value: Any) -> dict[str, Any]:
        values.append(value)
        return {name: values[0]}

    def repeat(rows: list[Any]) -> list[Any]:
        return _fields(rows, name, first)  # type: ignore[no-any-return]

    # the rows of an object are keyed by their ids, which cannot be repeated
    lists = page.rows is not None and not page.rows.named
    return _rearranged(page, repeat) if lists else page.answer


def _negated(page: Page, name: str) -> Any:
    return _fields(page.answer, name, lambda value: {name: _opposite(value)})


def _poisoned(page: Page, value: str) -> Any:
    row, _, rest = value.partition("/")
    name, _, poison = rest.partition("=")
    given = {} if poison == "missing" else {name: POISONS[poison]}

    def visit(found: Any, key: str = "") -> Any:
        if isinstance(found, list):
            return [visit(item) for item in found]
        if not isinstance(found, dict):
            return found
        if key == row or any(str(item) == row for item in found.values()):
            return {k: v for k, v in found.items() if k != name} | given
        return {k: visit(v, k) for k, v in found.items()}

    return visit(page.answer)


def _opposite(value: Any) -> Any:
    """A figure, also as a string, with the opposite sign; anything else unchanged."""
    if not isinstance(value, str) or not _FIGURE.fullmatch(value) or not value.strip("-0."):
        return value
    return value.removeprefix("-") if value.startswith("-") else f"-{value}"


def _fields(value: Any, name: str, replace: Callable[[Any], dict[str, Any]]) -> Any:
    """`value`, with every field `name` in it replaced by `replace(value of the field)`."""
    if isinstance(value, list):
        return [_fields(item, name, replace) for item in value]
    if not isinstance(value, dict):
        return value
    changed: dict[str, Any] = {}
    for key, inner in value.items():
        changed |= replace(inner) if key == name else {key: _fields(inner, name, replace)}
    return changed


def _retype_value(value: Any) -> Any:
    """Convert a numeric string to a number, other strings to a list, anything else to a string.

    None stays None: as a string it would look like a value.
    """
    if value is None:
        return None
    if not isinstance(value, str):
        return json.dumps(value)
    try:
        number = json.loads(value)
    except ValueError:
        return [value]
    return number if isinstance(number, int | float) else [value]


EDITS: Mapping[str, Edit] = {
    "empty": _empty,
    "doubled": _doubled,
    "shuffled": _shuffled,
    "reversed": _reversed,
    "page": _first,
    "repeated": _repeated,
    "negated": _negated,
    "previous": _previous,
    "missing": _missing,
    "nulled": _nulled,
    "renamed": _renamed,
    "retyped": _retyped,
    "poison": _poisoned,
}


def edited(kind: str, value: str, page: Page) -> bytes:
    """The body of an answer after an edit."""
    return compact(EDITS[kind](page, value)).replace(_NESTED, b"[" * 5000 + b"]" * 5000)


def compact(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


_NESTED = compact(NESTED)
