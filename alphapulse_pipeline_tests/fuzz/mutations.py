"""Mutations of a JSON answer: of its bytes, its values, its objects and its rows."""

import json
import re
from collections.abc import Sequence
from copy import deepcopy
from typing import Any

from alphapulse_pipeline_tests.fuzz.choices import Choices, one

HOSTILE = (
    "null",
    "true",
    "0",
    "-1",
    "12345",
    "1.5",
    "[]",
    "{}",
    "[null]",
    '{"a":{}}',
    '""',
    '" "',
    '"-1"',
    '"abc"',
    "1e999999999",
    '"1e999999999"',
    '"-1e999999999"',
    '"1e-999999999"',
    '"1e99"',
    "NaN",
    '"NaN"',
    "-Infinity",
    '"Infinity"',
    '"sNaN"',
    "9" * 5000,
    '"' + "9" * 5000 + '"',
    "9999999999999999",
    '"9999999999999999"',
    '"253402300800000"',
    '"1_000"',
    '"\u0663"',
    '"\u00b2"',
    '" 1 "',
    '"0x10"',
    '"\\u0000"',
    '"\\ud800"',
    '"\\u0001\\u001b[2J"',
    '"\\u202eBTC"',
    '"BTC\\u2028USDT"',
    '"' + "x" * 100_000 + '"',
    "[" * 5000 + "]" * 5000,
    '{"a":' * 60 + "1" + "}" * 60,
)
"""JSON that a field may be replaced with: wrong types, endless numbers, unprintable texts."""
_NOT_UTF8 = (b"\xff", b"\xc3", b"\xed\xa0\x80")
_MARK = "\ue000"
_NUMBER = re.compile(f'"{_MARK}([-0-9.eE]+)"')
"""A number, which is written as it was read."""
Place = tuple[Any, Any]
"""A list or an object, and a place in it."""


def mutated(choices: Choices, body: bytes) -> bytes:
    """The body after a random mutation."""
    if choices.number(0, 5) == 0:
        return changed_bytes(choices, body)
    try:
        answer = json.loads(body, parse_float=lambda number: f"{_MARK}{number}")
    except ValueError:
        return changed_bytes(choices, body)
    raw: list[str] = []
    for _ in range(one(choices, (1, 1, 1, 2, 3))):
        answer = one(choices, (_value, _value, _value, _object, _rows))(choices, answer, raw)
    text = json.dumps(answer, separators=(",", ":"), ensure_ascii=False)
    for place, value in enumerate(raw):
        text = text.replace(f'"{_MARK}:{place}"', value).replace(f'"{_MARK}+{place}":0,', value)
    text = _NUMBER.sub(r"\1", text)
    return text.encode("utf-8", "surrogatepass")


def changed_bytes(choices: Choices, body: bytes) -> bytes:
    at = choices.number(0, len(body))
    match choices.number(0, 6):
        case 0:
            return body[:at]
        case 1:
            flipped = bytearray(body)
            for _ in range(choices.number(0, 4) if body else 0):
                flipped[choices.number(0, len(body) - 1)] ^= 1 << choices.number(0, 7)
            return bytes(flipped)
        case 2:
            return b"".join((body[:at], one(choices, _NOT_UTF8), body[at:]))
        case 3:
            return b"\xef\xbb\xbf" + body
        case 4:
            return b"".join((body[:at], choices.data(8), body[at:]))
        case 5:
            until = choices.number(at, len(body))
            return body[:at] + body[until:]
        case _:
            return body + body[at:]


def _shuffled(choices: Choices, items: Sequence[Any]) -> list[Any]:
    return [items[place] for place in choices.order(len(items))]


def _places(value: Any) -> list[Place]:
    found: list[Place] = []
    holders = [value]
    for holder in holders:
        pairs: Any = ()
        if isinstance(holder, dict):
            pairs = holder.items()
        elif isinstance(holder, list):
            pairs = enumerate(holder)
        for key, inner in pairs:
            found.append((holder, key))
            if isinstance(inner, dict | list):
                holders.append(inner)
    return found


def _value(choices: Choices, answer: Any, raw: list[str]) -> Any:
    """One value becomes another."""
    places = _places(answer)
    raw.append(one(choices, HOSTILE))
    mark = f"{_MARK}:{len(raw) - 1}"
    if not places:
        return mark
    holder, key = one(choices, places)
    holder[key] = mark
    return answer


def _object(choices: Choices, answer: Any, raw: list[str]) -> Any:
    """A field is missing, renamed, there twice, or of another row."""
    places = [place for place in _places(answer) if isinstance(place[0], dict)]
    if not places:
        return answer
    holder, key = one(choices, places)
    match choices.number(0, 4):
        case 0:
            del holder[key]
        case 1:
            holder[f"{key}New"] = holder.pop(key)
        case 2:
            raw.append(f"{json.dumps(key)}:{one(choices, HOSTILE)},")
            # written before the others: the key is there twice
            rest = dict(holder)
            holder.clear()
            holder[f"{_MARK}+{len(raw) - 1}"] = 0
            holder |= rest
        case 3:
            holder[choices.text(20)] = choices.text(20)
        case _:
            others = [other for other in places if other[1] == key]
            other, _ = one(choices, others)
            holder[key] = deepcopy(other[key])  # which may contain the holder
    return answer


def _rows(choices: Choices, answer: Any, raw: list[str]) -> Any:
    """Rows are repeated, in another order, or missing."""
    lists = [h[k] for h, k in _places(answer) if isinstance(h[k], list | dict) and h[k]]
    if isinstance(answer, list | dict) and answer:
        lists.append(answer)
    if not lists:
        return answer
    found = one(choices, lists)
    if isinstance(found, dict):
        items = list(found.items())
        found.clear()
        found.update(_shuffled(choices, items)[: choices.number(0, len(items))])
        return answer
    match choices.number(0, 3):
        case 0:
            found.insert(choices.number(0, len(found)), one(choices, found))
        case 1:
            found[:] = _shuffled(choices, found)
        case 2:
            found.reverse()
        case _:
            del found[choices.number(0, len(found) - 1)]
    return answer
