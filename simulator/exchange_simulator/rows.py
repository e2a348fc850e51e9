"""Where the rows are in an exchange's answers, and what an answer without rows looks like.

Paths into an answer are dotted, `result.list.0.coin`; "" is the whole answer.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

_FIGURE = re.compile(r"-?\d+(?:\.(\d+))?")


@dataclass(frozen=True)
class Rows:
    at: tuple[str, ...]
    """Paths of the lists of rows; empty if an answer has only figures or cannot be empty."""
    path: str = ""
    """Prefix of the request paths that this describes."""
    named: bool = False
    """Whether the rows are the values of an object instead of a list."""
    empty: Mapping[str, Any] = field(default_factory=dict)
    """Values at other paths of an empty answer, if those exist."""
    zeroed: str | None = None
    """Path of the object whose figures are zero in an empty answer."""
    omitted: bool = False
    """Whether an empty list is omitted."""


def rows_of(known: Sequence[Rows], path: str, answer: Any) -> Rows | None:
    """The first match for an answer of `path`; None if there is no match."""
    for rows in known:
        if path.startswith(rows.path) and (not rows.at or any(_lists(rows, answer))):
            return rows
    return None


def replaced(rows: Rows, answer: Any, rearrange: Any) -> Any:
    """The answer, with `rearrange` applied to every list (or object) of rows in it."""
    for place in rows.at:
        found = _found(answer, place)
        if isinstance(found, dict if rows.named else list):
            answer = _put(answer, place, rearrange(found))
    return answer


def emptied(rows: Rows, answer: Any) -> Any:
    """The answer as it would be without rows."""
    if rows.zeroed is not None:
        answer = _put(answer, rows.zeroed, _zeroed(_found(answer, rows.zeroed)))
    answer = replaced(rows, answer, lambda found: type(found)())
    if rows.omitted:
        answer = {name: value for name, value in answer.items() if name not in rows.at}
    for place, value in rows.empty.items():
        if _found(answer, place) is not None:
            answer = _put(answer, place, value)
    return answer


def _lists(rows: Rows, answer: Any) -> Iterator[bool]:
    return (isinstance(_found(answer, at), dict if rows.named else list) for at in rows.at)


def _found(answer: Any, place: str) -> Any:
    """None if the path does not exist."""
    for step in place.split(".") if place else ():
        if isinstance(answer, dict):
            answer = answer.get(step)
        elif isinstance(answer, list) and step.isdigit() and int(step) < len(answer):
            answer = answer[int(step)]
        else:
            return None
    return answer


def _put(answer: Any, place: str, value: Any) -> Any:
    if not place:
        return value
    above, _, last = place.rpartition(".")
    holder = _found(answer, above)
    holder[int(last) if isinstance(holder, list) else last] = value
    return answer


def _zeroed(figures: dict[str, Any]) -> dict[str, Any]:
    """Amounts are strings; so are times, which are left unchanged."""
    return {
        name: _zero(value) if isinstance(value, str) and not name.endswith("Time") else value
        for name, value in figures.items()
    }


def _zero(text: str) -> str:
    figure = _FIGURE.fullmatch(text)
    if figure is None:
        return text
    return f"0.{'0' * len(figure[1])}" if figure[1] else "0"
