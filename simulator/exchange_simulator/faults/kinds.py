"""All kinds of faults: the stage at which they act, their values, and what they do."""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from enum import Enum, auto
from types import MappingProxyType
from typing import NamedTuple, get_args

from exchange_simulator.keys import Scope

Rule = Callable[[str], str]
"""Returns what is wrong with a value, as the end of a message; "" if it is valid."""


class Stage(Enum):
    CLOCK = auto()
    WAIT = auto()
    KEY = auto()
    READ = auto()
    """Changes which rows of a history the exchange reads."""
    REPLACE = auto()
    """Replaces the answer; the exchange does not see the request."""
    EDIT = auto()
    """Changes the exchange's answer."""
    TRANSPORT = auto()
    """Breaks the transmission of the exchange's answer."""


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


def _positive(value: str) -> str:
    return _whole(value) or ("" if int(value) > 0 else "must be more than 0")


def _status(value: str) -> str:
    return _whole(value) or (
        "" if 200 <= int(value) <= 599 else f"needs a status from 200 to 599, but got {value!r}"
    )


def _field(value: str) -> str:
    return "" if re.fullmatch(r"[\w-]+", value) else f"needs a field name, but got {value!r}"


def _poison(value: str) -> str:
    written = re.fullmatch(r"[^/=]+/[\w-]+=([a-z]+)", value)
    return (
        _one_of("missing", *POISONS)(written[1])
        if written
        else f"needs a row, a field and a poison (ROW/FIELD=POISON), but got {value!r}"
    )


def _one_of(*words: str) -> Rule:
    def rule(value: str) -> str:
        return "" if value in words else f"must be one of {', '.join(words)}, but got {value!r}"

    return rule


NESTED = "nested without end"
"""What is sent as a list of lists, deeper than a parser can follow."""
POISONS: Mapping[str, str | int] = MappingProxyType(
    {
        "endless": "1e999999999",
        "far": "9999999999999999",
        "nul": "BTC\0USDT",
        "surrogate": "BTC\ud800USDT",
        "control": "BTC\x01\x1b[2JUSDT",
        "nested": NESTED,
        "number": 12345,
    }
)
"""Values that a field of a row cannot have."""

KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "clock": Kind(
            Stage.CLOCK,
            "the exchange's clock is ahead by this many milliseconds, e.g. clock=3600000",
            _whole,
        ),
        "delay": Kind(
            Stage.WAIT, "delays the answer by this many seconds, e.g. delay=2.0", _not_negative
        ),
        "key": Kind(
            Stage.KEY,
            "the key is not allowed from this IP address (key=ip), has expired (key=expired), or"
            " has lost a permission, e.g. key=orders",
            _one_of("expired", "ip", *get_args(Scope)),
        ),
        "exclusive-end": Kind(
            Stage.READ, "the end of a requested time window is excluded, by a millisecond"
        ),
        "no-window": Kind(Stage.READ, "requested time windows are ignored"),
        "short-window": Kind(
            Stage.READ,
            "longer windows are shortened to their last days, silently, e.g. short-window=1",
            _positive,
        ),
        "short-retention": Kind(
            Stage.READ, "older rows are not served, e.g. short-retention=7 for days", _positive
        ),
        "html": Kind(Stage.REPLACE, "an HTML page with status 200"),
        "empty-body": Kind(Stage.REPLACE, "status 200 with an empty body"),
        "status": Kind(
            Stage.REPLACE, "an HTML page with this HTTP status, e.g. status=503", _status
        ),
        "retcode": Kind(Stage.REPLACE, "the exchange's own error code, e.g. retcode=10006", _whole),
        "throttled": Kind(
            Stage.REPLACE,
            "the exchange's own rate limit error; throttled=5 adds Retry-After: 5",
            _seconds,
            optional=True,
        ),
        "banned": Kind(
            Stage.REPLACE,
            "the exchange's own ban, for this many seconds, e.g. banned=120",
            _seconds,
        ),
        "busy": Kind(Stage.REPLACE, "the exchange's own overload error"),
        "maintenance": Kind(Stage.REPLACE, "the exchange's own maintenance error"),
        "refuse": Kind(Stage.REPLACE, "the connection is closed without an answer"),
        "reset": Kind(
            Stage.TRANSPORT,
            "the connection is reset before the answer, in the middle of its headers"
            " (reset=headers) or of its body (reset=body)",
            _one_of("headers", "body"),
            optional=True,
        ),
        "hang": Kind(
            Stage.TRANSPORT,
            "no answer, or silence after its headers (hang=headers) or half of its body"
            " (hang=body)",
            _one_of("headers", "body"),
            optional=True,
        ),
        "cut-body": Kind(Stage.TRANSPORT, "half of the body, with a matching Content-Length"),
        "close-body": Kind(Stage.TRANSPORT, "the connection is closed in the middle of the body"),
        "bad-gzip": Kind(Stage.TRANSPORT, "a body declared as gzip that is not"),
        "empty": Kind(Stage.EDIT, "a successful answer without rows"),
        "missing": Kind(Stage.EDIT, "a field is missing everywhere, e.g. missing=execFee", _field),
        "nulled": Kind(Stage.EDIT, "a field is null everywhere, e.g. nulled=execFee", _field),
        "renamed": Kind(
            Stage.EDIT,
            "a field is renamed everywhere (execFee: execFeeNew), e.g. renamed=execFee",
            _field,
        ),
        "retyped": Kind(
            Stage.EDIT,
            "a field has a different type, a string instead of a number and vice versa, e.g."
            " retyped=execFee",
            _field,
        ),
        "poison": Kind(
            Stage.EDIT,
            "one row is unreadable: in the row with this id or value a field is missing, or has an"
            " impossible value (endless, far, nul, surrogate, control, nested, number), e.g."
            " poison=7f2c/execQty=endless",
            _poison,
        ),
        "doubled": Kind(Stage.EDIT, "every row of the page twice"),
        "shuffled": Kind(Stage.EDIT, "the rows of the page in a different order"),
        "reversed": Kind(Stage.EDIT, "the rows of the page in the opposite order"),
        "page": Kind(
            Stage.EDIT, "only the first rows of each page, silently, e.g. page=5", _positive
        ),
        "repeated": Kind(
            Stage.EDIT,
            "a field has the same value in every row of the page, e.g. repeated=execId",
            _field,
        ),
        "negated": Kind(
            Stage.EDIT,
            "the figures of a field have the opposite sign, e.g. negated=walletBalance",
            _field,
        ),
        "previous": Kind(Stage.EDIT, "the previous page again"),
    }
)
