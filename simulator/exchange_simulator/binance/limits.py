"""Request weight per minute (documentation: "LIMITS", "IP Limits").

Every request has a weight; the weights of a minute are added up per IP address and pool, and every
answer reports the sum. Once the limit is reached, requests are rejected with status 429 until the
minute ends, and clients that continue are banned (418). Minutes are real time even if the
exchange's clock is frozen or ahead, since they limit how fast a client really sends requests.
"""

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import NamedTuple

from exchange_simulator.binance.answers import Refused

_MINUTE = 60
_BAN = 120
_REJECTIONS_BEFORE_BAN = 20
"""Rejected requests in one minute that lead to a ban of the address."""


class Pool(NamedTuple):
    name: str
    limit: int
    """Weight per minute."""
    header: str


SPOT = Pool("spot", 6000, "X-MBX-USED-WEIGHT-1M")
# USD-M and COIN-M share one pool since both run on the same engine (2026)
FUTURES = Pool("futures", 2400, "X-MBX-USED-WEIGHT-1M")


def sapi(path: str) -> Pool:
    """Each endpoint under /sapi has its own pool."""
    return Pool(path, 12_000, "X-SAPI-USED-IP-WEIGHT-1M")


@dataclass(slots=True)
class _Minute:
    number: int = -1
    used: int = 0
    refusals: int = 0


class Limiter:
    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        """`clock` returns seconds."""
        self._clock = clock
        self._minutes: dict[tuple[str, str], _Minute] = {}
        self._banned_until: dict[str, float] = {}

    def spend(self, ip: str, pool: Pool, weight: int) -> dict[str, str]:
        """Count a request and return the headers of its answer. Raises Refused (-1003)."""
        moment = self._clock()
        if self._banned_until.get(ip, 0) > moment:
            raise self._ban(ip, moment)
        minute = self._minutes.setdefault((ip, pool.name), _Minute())
        number, second = divmod(moment, _MINUTE)
        if minute.number != number:
            minute.number, minute.used, minute.refusals = int(number), 0, 0
        minute.used += weight
        headers = {pool.header: str(minute.used)}
        if minute.used <= pool.limit:
            return headers
        minute.refusals += 1
        if minute.refusals > _REJECTIONS_BEFORE_BAN:
            self._banned_until[ip] = moment + _BAN
            raise self._ban(ip, moment)
        raise Refused(
            -1003,
            f"Too much request weight used; current limit is {pool.limit} request weight per 1 "
            "MINUTE. Please use WebSocket Streams for live updates to avoid polling the API.",
            headers=headers | {"Retry-After": str(int(_MINUTE - second) + 1)},
        )

    def _ban(self, ip: str, moment: float) -> Refused:
        wait = int(self._banned_until[ip] - moment) + 1
        return Refused(
            -1003,
            f"Way too much request weight used; IP banned for {wait} seconds. Please use "
            "WebSocket Streams for live updates to avoid bans.",
            status=418,
            headers={"Retry-After": str(wait)},
        )
