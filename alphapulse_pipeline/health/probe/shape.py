"""The form of an exchange's rows without their values: field names, JSON types, lengths, ages.

What is written can be published: it has no id, address, amount, name or absolute time. Only fields
that hold a documented kind or status, such as `side` and `orderStatus`, are written with their
values.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from alphapulse_pipeline.health.probe.finding import count

_FIELD = re.compile(r"[A-Za-z][A-Za-z_-]{0,40}\d{0,2}[A-Za-z_-]{0,20}")
_HIDDEN = "(name)"
"""Stands for a field whose name may itself be an id."""
_KINDS = frozenset(
    {
        "category",
        "exectype",
        "fromaccounttype",
        "incometype",
        "insttype",
        "orderstatus",
        "ordertype",
        "side",
        "state",
        "status",
        "subtype",
        "timeinforce",
        "toaccounttype",
        "type",
        "wallettype",
    }
)
"""Fields, in lower case, whose values the exchanges document as lists of words or codes."""
_KIND = re.compile(r"[A-Za-z][A-Za-z_ -]{0,39}|-?\d{1,3}")
_NUMBER = re.compile(r"(-?)(\d+)(?:\.(\d+))?")
_MOST_FORMS = 8
_YEARS = 20 * 365 * 86_400_000
"""Milliseconds from now within which a number is taken for a time."""
_DAY = 86_400_000


def shape(rows: Iterable[Mapping[str, Any]], now: int) -> dict[str, Any]:
    """Field -> its types and forms, each with the number of rows. `now`: milliseconds."""
    found: dict[str, tuple[Counter[str], Counter[str]]] = {}
    for row in rows:
        for name, value in _leaves(row):
            types, forms = found.setdefault(name, (Counter(), Counter()))
            types[_type(value)] += 1
            forms[_form(name, value, now)] += 1
    return {
        name: {"types": dict(types), "forms": dict(forms.most_common(_MOST_FORMS))}
        for name, (types, forms) in sorted(found.items())
    }


def _leaves(value: Any, path: str = "") -> Iterable[tuple[str, Any]]:
    """Plain values with their dotted paths."""
    if isinstance(value, Mapping) and value:
        for name, inner in value.items():
            known = name if _FIELD.fullmatch(str(name)) else _HIDDEN
            yield from _leaves(inner, f"{path}.{known}" if path else known)
    elif isinstance(value, list) and value:
        for inner in value:
            yield from _leaves(inner, f"{path}[]")
    else:
        yield path, value


def _type(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case str():
            return "string"
        case Mapping():
            return "object"
        case list():
            return "array"
        case _:
            return "number"


def _form(path: str, value: Any, now: int) -> str:
    if value is None or isinstance(value, bool | Mapping | list):
        return str(value).lower() if isinstance(value, bool) else ""
    text = str(value)
    if not text:
        return "empty"
    kind = path.rpartition(".")[2].lower() in _KINDS
    if kind and _KIND.fullmatch(text):
        return f"= {text}"
    return _number(text, now) or _date(text, now) or _text(text)


def _number(text: str, now: int) -> str:
    parsed = _NUMBER.fullmatch(text)
    if parsed is None:
        return ""
    sign, whole, decimals = parsed.groups()
    for unit, per_second in (("ms", 1), ("s", 1000)):
        if abs(int(whole) * per_second - now) < _YEARS:
            return f"time in {unit}, {_age(now - int(whole) * per_second)}"
    if set(whole + (decimals or "")) == {"0"}:
        return "zero"
    after = f" and {count(len(decimals), 'decimal')}" if decimals else ""
    return f"{'negative ' if sign else ''}number of {count(len(whole), 'digit')}{after}"


def _date(text: str, now: int) -> str:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return ""
    at = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return f"date, {_age(now - int(at.timestamp()) * 1000)}"


def _age(milliseconds: int) -> str:
    """In whole days: nothing that a transaction could be found by."""
    days = abs(milliseconds) // _DAY
    when = "ago" if milliseconds >= 0 else "ahead"
    return f"{count(days, 'day')} {when}" if days else "less than a day from now"


def _text(text: str) -> str:
    classes = {
        "upper case": str.isupper,
        "lower case": str.islower,
        "digits": str.isdigit,
        "others": lambda c: not c.isalnum(),
    }
    used = [name for name, belongs in classes.items() if any(map(belongs, text))]
    return f"text of {len(text)} ({', '.join(used)})"
