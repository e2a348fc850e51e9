"""Answers of an exchange that is overloaded or down. Every exchange has its own."""

from collections.abc import Callable
from dataclasses import dataclass

from starlette.responses import Response

OutageAnswer = Callable[[int, int], Response]
"""Builds the answer from the exchange's time (milliseconds) and the seconds until it recovers (0:
unknown)."""


@dataclass(frozen=True)
class Outages:
    throttled: OutageAnswer
    banned: OutageAnswer
    busy: OutageAnswer
    maintenance: OutageAnswer
