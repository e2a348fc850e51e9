"""What goes wrong at every exchange and is told by each in words of its own."""

from collections.abc import Callable
from dataclasses import dataclass

from starlette.responses import Response

Trouble = Callable[[int, int], Response]
"""The answer, from the exchange's time (milliseconds) and the seconds until it is over (0 where
nobody knows)."""


@dataclass(frozen=True)
class Troubles:
    throttled: Trouble
    banned: Trouble
    busy: Trouble
    maintenance: Trouble
