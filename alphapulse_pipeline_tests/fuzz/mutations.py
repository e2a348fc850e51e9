"""Mutations of a JSON answer: of its bytes, its values, its objects and its rows."""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from hypothesis import strategies as st

Draw = Callable[[st.SearchStrategy[Any]], Any]

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


def mutated(draw: Draw, body: bytes) -> bytes:
    """The body after a random mutation."""
    if draw(st.integers(0, 5)) == 0:
        return changed_bytes(draw, body)
    try:
        answer = json.loads(body, parse_float=lambda number: f"{_MARK}{number}")
    except ValueError:
        return changed_bytes(draw, body)
    raw: list[str] = []
    for _ in range(draw(st.sampled_from((1, 1, 1, 2, 3)))):
        answer = draw(st.sampled_from((_value, _value, _value, _object, _rows)))(draw, answer, raw)
    text = json.dumps(answer, separators=(",", ":"), ensure_ascii=False)
    for place, value in enumerate(raw):
        text = text.replace(f'"{_MARK}:{place}"', value).replace(f'"{_MARK}+{place}":0,', value)
    text = _NUMBER.sub(r"\1", text)
    return text.encode("utf-8", "surrogatepass")


def changed_bytes(draw: Draw, body: bytes) -> bytes:
    at = draw(st.integers(0, len(body)))
    match draw(st.integers(0, 6)):
        case 0:
            return body[:at]
        case 1:
            flipped = bytearray(body)
            for place in draw(st.lists(st.integers(0, max(len(body) - 1, 0)), max_size=4)):
                if body:
                    flipped[place] ^= 1 << draw(st.integers(0, 7))
            return bytes(flipped)
        case 2:
            return b"".join((body[:at], one(draw, _NOT_UTF8), body[at:]))
        case 3:
            return b"\xef\xbb\xbf" + body
        case 4:
            return b"".join((body[:at], draw(st.binary(max_size=8)), body[at:]))
        case 5:
            until = draw(st.integers(at, len(body)))
            return body[:at] + body[until:]
        case _:
            return body + body[at:]


def one(draw: Draw, choices: Sequence[Any]) -> Any:
    """By its place: what is drawn is shown when an example fails."""
    return choices[draw(st.integers(0, len(choices) - 1))]


def _shuffled(draw: Draw, items: Sequence[Any]) -> list[Any]:
    return [items[place] for place in draw(st.permutations(range(len(items))))]


def _places(value: Any) -> Iterator[Place]:
    pairs: Any = ()
    if isinstance(value, dict):
        pairs = value.items()
    elif isinstance(value, list):
        pairs = enumerate(value)
    for key, inner in pairs:
        yield value, key
        yield from _places(inner)


def _value(draw: Draw, answer: Any, raw: list[str]) -> Any:
    """One value becomes another."""
    places = list(_places(answer))
    raw.append(one(draw, HOSTILE))
    mark = f"{_MARK}:{len(raw) - 1}"
    if not places:
        return mark
    holder, key = one(draw, places)
    holder[key] = mark
    return answer


def _object(draw: Draw, answer: Any, raw: list[str]) -> Any:
    """A field is missing, renamed, there twice, or of another row."""
    places = [place for place in _places(answer) if isinstance(place[0], dict)]
    if not places:
        return answer
    holder, key = one(draw, places)
    match draw(st.integers(0, 4)):
        case 0:
            del holder[key]
        case 1:
            holder[f"{key}New"] = holder.pop(key)
        case 2:
            raw.append(f"{json.dumps(key)}:{one(draw, HOSTILE)},")
            # written before the others: the key is there twice
            rest = dict(holder)
            holder.clear()
            holder[f"{_MARK}+{len(raw) - 1}"] = 0
            holder |= rest
        case 3:
            holder[draw(st.text(max_size=20))] = draw(st.text(max_size=20))
        case _:
            others = [other for other in places if other[1] == key]
            other, _ = one(draw, others)
            holder[key] = other[key]
    return answer


def _rows(draw: Draw, answer: Any, raw: list[str]) -> Any:
    """Rows are repeated, in another order, or missing."""
    lists = [h[k] for h, k in _places(answer) if isinstance(h[k], list | dict) and h[k]]
    if isinstance(answer, list | dict) and answer:
        lists.append(answer)
    if not lists:
        return answer
    found = one(draw, lists)
    if isinstance(found, dict):
        items = list(found.items())
        found.clear()
        found.update(_shuffled(draw, items)[: draw(st.integers(0, len(items)))])
        return answer
    match draw(st.integers(0, 3)):
        case 0:
            found.insert(draw(st.integers(0, len(found))), one(draw, found))
        case 1:
            found[:] = _shuffled(draw, found)
        case 2:
            found.reverse()
        case _:
            del found[draw(st.integers(0, len(found) - 1))]
    return answer
