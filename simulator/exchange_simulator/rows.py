"""Where the rows of an exchange's answers lie, and how an answer without rows looks.

Places are written with dots, `result.list.0.coin`; "" is the whole answer.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

_FIGURE = re.compile(r"-?\d+(?:\.(\d+))?")


@dataclass(frozen=True)
class Rows:
    at: tuple[str, ...]
    """The lists of rows; none where an answer is figures only, or nothing that could be lacking."""
    path: str = ""
    """The paths it is about begin so."""
    named: bool = False
    """Whether the rows are an object's values, and not a list."""
    empty: Mapping[str, Any] = field(default_factory=dict)
    """What stands at other places where there are no rows, if anything stands there."""
    nought: str | None = None
    """The object whose figures are nought where there are no rows."""
    omitted: bool = False
    """Whether a list without rows is left out."""


def rows_of(known: Sequence[Rows], path: str, answer: Any) -> Rows | None:
    """The first that fits an answer of `path`; None where none does."""
    for rows in known:
        if path.startswith(rows.path) and (not rows.at or any(_lists(rows, answer))):
            return rows
    return None


def replaced(rows: Rows, answer: Any, rearrange: Any) -> Any:
    """The answer, every list (or object) of rows in it made anew by `rearrange`."""
    for place in rows.at:
        found = _found(answer, place)
        if isinstance(found, dict if rows.named else list):
            answer = _put(answer, place, rearrange(found))
    return answer


def emptied(rows: Rows, answer: Any) -> Any:
    """The answer as it would be if there were no rows."""
    if rows.nought is not None:
        answer = _put(answer, rows.nought, _nought(_found(answer, rows.nought)))
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
    """None where there is nothing."""
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


def _nought(figures: dict[str, Any]) -> dict[str, Any]:
    """Amounts are strings; so are times, which stay."""
    return {
        name: _zero(value) if isinstance(value, str) and not name.endswith("Time") else value
        for name, value in figures.items()
    }


def _zero(text: str) -> str:
    figure = _FIGURE.fullmatch(text)
    if figure is None:
        return text
    return f"0.{'0' * len(figure[1])}" if figure[1] else "0"
