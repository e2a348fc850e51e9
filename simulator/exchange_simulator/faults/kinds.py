"""Every kind of fault: when it acts, which values it takes, and what it does."""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from enum import Enum, auto
from types import MappingProxyType
from typing import NamedTuple, get_args

from exchange_simulator.keys import Scope

Rule = Callable[[str], str]
"""What is wrong with a value, as the end of a sentence; "" where nothing is."""


class Stage(Enum):
    CLOCK = auto()
    WAIT = auto()
    KEY = auto()
    INSTEAD = auto()
    """Another answer, which the face never sees."""
    EDIT = auto()
    """The face's answer, changed."""
    WAY = auto()
    """The face's answer, spoilt on its way."""


class Kind(NamedTuple):
    stage: Stage
    meaning: str
    rule: Rule | None = None
    """None: it takes no value."""
    optional: bool = False


def _number(value: str) -> str:
    try:
        finite = Decimal(value).is_finite()
    except InvalidOperation:
        return f"needs a number, but got {value!r}"
    return "" if finite else f"needs a finite number, but got {value!r}"


def _whole(value: str) -> str:
    if re.fullmatch(r"-?\d+", value, re.ASCII):
        return ""
    return _number(value) or f"needs a whole number, but got {value!r}"


def _not_negative(value: str) -> str:
    return _number(value) or ("cannot be negative" if Decimal(value) < 0 else "")


def _seconds(value: str) -> str:
    return _whole(value) or _not_negative(value)


def _status(value: str) -> str:
    return _whole(value) or (
        "" if 200 <= int(value) <= 599 else f"needs a status from 200 to 599, but got {value!r}"
    )


def _field(value: str) -> str:
    return "" if re.fullmatch(r"[\w-]+", value) else f"needs the name of a field, but got {value!r}"


def _one_of(*words: str) -> Rule:
    def rule(value: str) -> str:
        return "" if value in words else f"knows {', '.join(words)}, but got {value!r}"

    return rule


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "clock": Kind(
            Stage.CLOCK,
            "milliseconds by which the exchange's clock is ahead, e.g. clock=3600000",
            _whole,
        ),
        "delay": Kind(Stage.WAIT, "seconds before the answer, e.g. delay=2.0", _not_negative),
        "key": Kind(
            Stage.KEY,
            "the key may no longer come from this address (key=ip), has expired (key=expired), or"
            " has lost a permission, e.g. key=orders",
            _one_of("expired", "ip", *get_args(Scope)),
        ),
        "html": Kind(Stage.INSTEAD, "a page of HTML with status 200"),
        "empty-body": Kind(Stage.INSTEAD, "status 200 and nothing else"),
        "status": Kind(
            Stage.INSTEAD, "a page of HTML with this HTTP status, e.g. status=503", _status
        ),
        "retcode": Kind(Stage.INSTEAD, "the exchange's own error code, e.g. retcode=10006", _whole),
        "throttled": Kind(
            Stage.INSTEAD,
            "too many requests, as the exchange says it; throttled=5 adds Retry-After: 5",
            _seconds,
            optional=True,
        ),
        "banned": Kind(
            Stage.INSTEAD,
            "banned for so many seconds, as the exchange says it, e.g. banned=120",
            _seconds,
        ),
        "busy": Kind(Stage.INSTEAD, "too much to do, as the exchange says it"),
        "maintenance": Kind(Stage.INSTEAD, "down for maintenance, as the exchange says it"),
        "refuse": Kind(Stage.INSTEAD, "the connection is closed without an answer"),
        "reset": Kind(
            Stage.WAY,
            "the connection is reset before the answer, in the middle of its headers"
            " (reset=headers) or of its body (reset=body)",
            _one_of("headers", "body"),
            optional=True,
        ),
        "hang": Kind(
            Stage.WAY,
            "silence instead of an answer, after its headers (hang=headers) or after half its body"
            " (hang=body)",
            _one_of("headers", "body"),
            optional=True,
        ),
        "cut-body": Kind(Stage.WAY, "a body that ends in the middle as if it were whole"),
        "close-body": Kind(Stage.WAY, "the connection is closed in the middle of the body"),
        "bad-gzip": Kind(Stage.WAY, "a body that is said to be gzip and is not"),
        "empty": Kind(Stage.EDIT, "a good answer without rows, whatever there is"),
        "missing": Kind(Stage.EDIT, "a field is gone everywhere, e.g. missing=execFee", _field),
        "nulled": Kind(Stage.EDIT, "a field is null everywhere, e.g. nulled=execFee", _field),
        "renamed": Kind(
            Stage.EDIT,
            "a field is called otherwise (execFee: execFeeNew), e.g. renamed=execFee",
            _field,
        ),
        "retyped": Kind(
            Stage.EDIT,
            "a field has another type, text where there was a number and the other way round, e.g."
            " retyped=execFee",
            _field,
        ),
        "doubled": Kind(Stage.EDIT, "every row of the page twice"),
        "shuffled": Kind(Stage.EDIT, "the rows of the page in another order"),
        "previous": Kind(Stage.EDIT, "the page before this one once more"),
    }
)
