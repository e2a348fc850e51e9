"""What can go wrong between an exchange and its clients, on request.

A fault is written `kind[=value][:path][*times]`: `html`, `status=503:/v5/position/list`,
`retcode=10006:/v5/execution/list*3`, `clock=3600000`. Without a path it strikes every request, and
without a number of times it never heals.
"""

import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

_WRITTEN = re.compile(
    r"(?P<kind>[a-z-]+)(=(?P<value>[^:*]+))?(:(?P<path>/[^*]*))?(\*(?P<times>\d+))?"
)
_KINDS = {
    "html": "a page of HTML with status 200",
    "empty-body": "status 200 and nothing else",
    "cut-body": "an answer that ends in the middle",
    "refuse": "the connection is closed without an answer",
    "status": "an HTTP status, e.g. status=503",
    "retcode": "the exchange's own error code, e.g. retcode=10006",
    "delay": "seconds before the answer, e.g. delay=2.0",
    "clock": "milliseconds by which the exchange's clock is ahead, e.g. clock=3600000",
}
_WITH_VALUE = frozenset({"status", "retcode", "delay", "clock"})


@dataclass(slots=True)
class Fault:
    kind: str
    value: Decimal = Decimal(0)
    path: str = ""
    left: int | None = None
    """How many more times it strikes; None: for ever."""

    def strikes(self, path: str) -> bool:
        """Whether it strikes a request of `path`; each time it does, it is used up by one."""
        if self.left == 0 or (self.path and not path.startswith(self.path)):
            return False
        if self.left is not None:
            self.left -= 1
        return True


def parse_fault(text: str) -> Fault:
    """Raises ValueError with a sentence that says what is wrong."""
    written = _WRITTEN.fullmatch(text.strip())
    if written is None:
        raise ValueError(f"fault {text!r} is not of the form kind[=value][:/path][*times]")
    kind, value = written["kind"], written["value"]
    if kind not in _KINDS:
        known = "; ".join(f"{name}: {meaning}" for name, meaning in _KINDS.items())
        raise ValueError(f"there is no fault {kind!r} (known are {known})")
    if kind in _WITH_VALUE and value is None:
        raise ValueError(f"fault {kind!r} needs a value: {_KINDS[kind]}")
    if kind not in _WITH_VALUE and value is not None:
        raise ValueError(f"fault {kind!r} takes no value, but got {value!r}")
    if kind == "clock" and written["path"]:
        raise ValueError("there is one clock: fault 'clock' takes no path")
    number = Decimal(0)
    if value is not None:
        try:
            number = Decimal(value)
        except InvalidOperation:
            raise ValueError(f"fault {kind!r} needs a number, but got {value!r}") from None
        if not number.is_finite():
            raise ValueError(f"fault {kind!r} needs a finite number, but got {value!r}")
    if kind != "delay" and number != int(number):
        raise ValueError(f"fault {kind!r} needs a whole number, but got {value!r}")
    if kind == "status" and not 200 <= number <= 599:
        raise ValueError(f"{value} is not an HTTP status between 200 and 599")
    if kind == "delay" and number < 0:
        raise ValueError("fault 'delay' cannot be negative")
    times = written["times"]
    return Fault(kind, number, written["path"] or "", None if times is None else int(times))
