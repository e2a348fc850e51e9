"""Parsing of faults and their conditions. The package's docstring describes the grammar."""

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple, Protocol

from exchange_simulator.faults.kinds import KINDS, Stage

_WRITTEN = re.compile(
    r"(?P<kind>[a-z-]+)(=(?P<value>[^:*@]+))?(:(?P<path>/[^*@]*))?(\*(?P<times>\d+))?"
    r"(?P<whens>(@[^@]*)*)"
)
_CHANCE = re.compile(r"(\d+(?:\.\d+)?)%")
_REQUESTS = re.compile(r"(\d+)(-(\d+)?)?")
_TIME = re.compile(r"(\d+(?:\.\d+)?)s-(?:(\d+(?:\.\d+)?)s)?")

CERTAIN = 1_000_000
"""Exclusive upper bound of dice."""


class Moment(NamedTuple):
    request: int
    """Number of the request among those that match the fault, from 1."""
    at: int
    """Milliseconds since the faults were set."""
    dice: int


class When(Protocol):
    def holds(self, moment: Moment) -> bool: ...


class Chance(NamedTuple):
    of: int
    """In units of 1/CERTAIN."""

    def holds(self, moment: Moment) -> bool:
        return moment.dice < self.of


class Requests(NamedTuple):
    first: int
    last: int | None

    def holds(self, moment: Moment) -> bool:
        return self.first <= moment.request and (self.last is None or moment.request <= self.last)


class Time(NamedTuple):
    start: Decimal
    end: Decimal | None
    """Seconds."""

    def holds(self, moment: Moment) -> bool:
        at = Decimal(moment.at) / 1000
        return self.start <= at and (self.end is None or at < self.end)


@dataclass(slots=True)
class Fault:
    text: str
    """As written by the user."""
    kind: str
    value: str = ""
    path: str = ""
    times: int | None = None
    """Maximum number of times it fires; None: unlimited."""
    whens: tuple[When, ...] = ()
    requests: int = 0
    """Number of matching requests, whether or not it fired."""
    fired: int = 0

    @property
    def stage(self) -> Stage:
        return KINDS[self.kind].stage

    @property
    def exhausted(self) -> bool:
        return self.fired == self.times

    def fire(self) -> bool:
        """Count it as fired, unless it is exhausted. Returns whether it fires."""
        if self.exhausted:
            return False
        self.fired += 1
        return True


def parse_fault(text: str) -> Fault:
    """Raises ValueError with a message that explains what is wrong."""
    text = text.strip()
    written = _WRITTEN.fullmatch(text)
    if written is None:
        raise ValueError(f"fault {text!r} is not of the form kind[=value][:/path][*times][@when]")
    name, value, times = written["kind"], written["value"], written["times"]
    kind = KINDS.get(name)
    if kind is None:
        known = "; ".join(f"{name}: {kind.meaning}" for name, kind in KINDS.items())
        raise ValueError(f"unknown fault {name!r} (known faults: {known})")
    if value is None:
        if kind.rule is not None and not kind.optional:
            raise ValueError(f"fault {name!r} needs a value: {kind.meaning}")
    elif kind.rule is None:
        raise ValueError(f"fault {name!r} takes no value, but got {value!r}")
    elif wrong := kind.rule(value):
        raise ValueError(f"fault {name!r} {wrong}")
    if kind.stage is Stage.CLOCK and (written["path"] or times or written["whens"]):
        raise ValueError(
            f"fault {name!r} applies to the whole server: it takes no path, times or condition"
        )
    return Fault(
        text,
        name,
        value or "",
        written["path"] or "",
        None if times is None else int(times),
        tuple(map(_when, written["whens"].split("@")[1:])),
    )


def _when(text: str) -> When:
    if found := _CHANCE.fullmatch(text):
        of = int(Decimal(found[1]) * CERTAIN / 100)
        if not 0 < of <= CERTAIN:
            raise ValueError(f"@{text} is not a probability: use more than 0% and at most 100%")
        return Chance(of)
    if found := _REQUESTS.fullmatch(text):
        first = int(found[1])
        last = int(found[3]) if found[3] else None if found[2] else first
        if first < 1:
            raise ValueError(f"@{text}: the first request is number 1")
        if last is not None and last < first:
            raise ValueError(f"@{text} ends before it begins")
        return Requests(first, last)
    if found := _TIME.fullmatch(text):
        start, end = Decimal(found[1]), Decimal(found[2]) if found[2] else None
        if end is not None and end <= start:
            raise ValueError(f"@{text} ends before it begins")
        return Time(start, end)
    raise ValueError(
        f"@{text} is not a condition: use @20% (probability), @10-20 (requests) or @30s-60s (time)"
    )
